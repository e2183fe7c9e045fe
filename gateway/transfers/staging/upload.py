"""Upload: a file of the cluster into an object of a store, with one request when small, else in parts."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from gateway.egress.bounds import LISTING_S
from gateway.egress.patience import within
from gateway.errors import StorageError
from gateway.filesystems.files import FileSlice, SourceFile
from gateway.storage.store import Payload, Store, StoredPart, Uploads
from gateway.transfers.staging.attempt import Attempt, ResumeState
from gateway.transfers.staging.part_queue import Part, PartQueue
from gateway.transfers.staging.parts import PartRunner, run_with_retries
from gateway.transfers.staging.read_back import check_etags, confirm_upload

WHOLE_BYTES = 8 << 20  # up to here with one request
MOST_PARTS = 10_000
_UNASKED_BYTES = 1 << 20  # libcurl asks a store before it sends more


def upload(file: SourceFile, store: Store, attempt: Attempt) -> str:
    """Store the file as it is now, whole and verified or not at all; return how it was verified.

    The parts of an unfinished upload are left to the next try, or to `abort_uploads` when there will be
    none; a try without a resume token removes them itself.

    Raises
    ------
    StorageError, FilesystemError
        With a sentence for the user; the transient ones of them are worth another try.
    """
    attempt.progress.expect(file.size)
    uploads = store.uploads
    if uploads is None:
        return _put_once(file, store, attempt)
    if file.size > WHOLE_BYTES:
        return _PartsUpload(file, store, uploads, attempt).run()
    _forget_uploads(store, uploads, attempt)
    return _put_whole(file, store, attempt)


def abort_uploads(store: Store, resume: ResumeState) -> None:
    """Remove the parts of earlier tries from the store, where they cost money."""
    if store.uploads is not None:
        with store.watched(_within_time(lambda: None)):
            _abort_known(store.uploads, resume)
            _abort_lost(store.uploads, resume)


def _within_time(watch: Callable[[], None]) -> Callable[[], None]:
    return within(LISTING_S, watch, "the store")


def _abort_known(uploads: Uploads, resume: ResumeState) -> None:
    if resume.upload_id:
        uploads.abort(resume.upload_id)
        resume.keep_upload("")


def _abort_lost(uploads: Uploads, resume: ResumeState) -> None:
    """Remove the uploads of a try that was killed before it could keep their ids."""
    if resume.lost_since is not None:
        for upload_id in uploads.find_lost(resume.lost_since):
            uploads.abort(upload_id)


def _forget_uploads(store: Store, uploads: Uploads, attempt: Attempt) -> None:
    """Remove the uploads of earlier tries, when the file has shrunk to where it needs no parts."""
    if not attempt.resume.upload_id and attempt.resume.lost_since is None:
        return
    with store.watched(_within_time(partial(attempt.progress.advance, 0))):
        _abort_known(uploads, attempt.resume)
        with suppress(StorageError):  # not every account may list uploads
            _abort_lost(uploads, attempt.resume)


def _put_once(file: SourceFile, store: Store, attempt: Attempt) -> str:
    """Store the file with the one request that a presigned URL allows."""
    attempt.resume.begins_again()
    part = Part(1, 0, file.size)
    report = attempt.reporter(lambda: part.reached)
    with store.watched(report):
        stored = store.put(_slice(file, part, report))
    attempt.progress.advance(file.size)
    return confirm_upload(file, store, [stored], attempt, is_sized=stored.is_sized)


def _put_whole(file: SourceFile, store: Store, attempt: Attempt) -> str:
    part = Part(1, 0, file.size)
    report = attempt.reporter(lambda: part.reached)
    with store.watched(report):
        stored = run_with_retries(lambda: store.put(_whole_payload(file, part, report)), report)
    attempt.progress.advance(file.size)
    return confirm_upload(file, store, [stored], attempt, is_sized=stored.is_sized)


def _whole_payload(file: SourceFile, part: Part, check: Callable[[], None]) -> Payload:
    """Return all of the file: a small one in memory; a larger one is announced first (100-continue)."""
    return file.read_whole() if file.size <= _UNASKED_BYTES else _slice(file, part, check)


def _slice(file: SourceFile, part: Part, check: Callable[[], None]) -> FileSlice:
    """Return the part's piece of the file; while it is sent, the part shows how far that is."""

    def follow() -> None:
        check()
        part.under_way = max(part.under_way, data.tell())

    data = FileSlice(file, part.start, part.stop or file.size, follow)
    return data


def upload_part_size(size: int) -> int:
    """Return the size of a part, so that even the largest object has no more parts than S3 allows."""
    even = -(-size // MOST_PARTS)
    return max(WHOLE_BYTES, -(-even >> 20) << 20)


class _PartsUpload:
    """One try of a multipart upload."""

    def __init__(self, file: SourceFile, store: Store, uploads: Uploads, attempt: Attempt) -> None:
        self._file, self._store, self._uploads = file, store, uploads
        self._attempt, self._resume = attempt, attempt.resume

    def run(self) -> str:
        """Store the missing parts, make an object of all, check its size, and return how it was verified."""
        try:
            self._take_up()
            parts = self._put_parts()
            report = partial(self._attempt.progress.advance, self._file.size)
            report()  # the last moment for a cancel that is sure to leave no object
            with self._store.watched(report):
                is_named = self._uploads.complete(self._upload_id, parts)
        except BaseException:
            if not self._resume.token:
                with suppress(StorageError):  # the first error is the one to report
                    abort_uploads(self._store, self._resume)
            raise
        self._resume.keep_upload("")
        with self._store.watched(report):
            is_sized = self._uploads.check_size(self._file.size)
        return confirm_upload(
            self._file, self._store, parts, self._attempt, is_named=is_named, is_sized=is_sized
        )

    def _take_up(self) -> None:
        """Go on with the upload of an earlier try where the store still has it, else begin one."""
        with self._store.watched(_within_time(partial(self._attempt.progress.advance, 0))):
            stored = self._list_stored()
            if stored is None:
                self._abort_earlier()
            self._upload_id = self._start() if stored is None else self._resume.upload_id
            self._stored = stored or {}

    def _list_stored(self) -> dict[int, StoredPart] | None:
        """Return the parts of an earlier try's upload; None where there is none to go on with."""
        if not self._resume.upload_id:
            return None
        try:
            return self._uploads.list_parts(self._resume.upload_id)
        except StorageError as error:  # not every account may list parts, nor every store does it well
            if error.transient:
                raise
            return None

    def _abort_earlier(self) -> None:
        try:
            _abort_known(self._uploads, self._resume)
        except StorageError as error:  # not every account may
            if error.transient:
                raise
        with suppress(StorageError):  # not every account may list uploads, and this one does not need it
            _abort_lost(self._uploads, self._resume)

    def _start(self) -> str:
        upload_id = self._uploads.start()
        try:
            self._resume.keep_upload(upload_id)
        except BaseException:
            with self._store.watched(lambda: None):
                self._uploads.abort(upload_id)  # no row knows of it
            raise
        return upload_id

    def _put_parts(self) -> list[StoredPart]:
        parts = PartQueue(self._file.size, upload_part_size(self._file.size))
        report = self._attempt.reporter(parts.count_done)
        connections, least_bytes = self._attempt.connections, self._attempt.least_bytes
        PartRunner(parts, connections, self._put, self._store.cut, least_bytes=least_bytes).run(report)
        self._file.check_unchanged()
        return [self._stored[number] for number in range(1, parts.count + 1)]

    def _put(self, part: Part, check_stop: Callable[[], None]) -> None:
        data = _slice(self._file, part, check_stop)
        known = self._stored.get(part.number)
        stored = self._uploads.put(self._upload_id, part.number, data, known)
        if stored.is_doubtful:
            check_etags(self._attempt)
        self._stored[part.number] = stored
        part.done = len(data)
