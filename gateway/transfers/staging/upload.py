"""Sending: a file of the cluster into an object, in one piece when small, else in parts at once."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from gateway.errors import StorageError, StorageUnavailable
from gateway.filesystems.files import FileSlice, SourceFile
from gateway.storage.checksums import compute_digests
from gateway.storage.presigned import PresignedObject
from gateway.storage.s3.multipart import StoredPart
from gateway.storage.s3.object import S3Object
from gateway.transfers.staging.attempt import Deadline, Progress, ResumeState
from gateway.transfers.staging.download import split_parts
from gateway.transfers.staging.parts import POLL_S, Part, PartRunner, Work, alone

WHOLE_BYTES = 8 << 20  # up to here in one piece
MOST_PARTS = 10_000
_READ_BYTES = 1 << 20
_UNASKED_BYTES = 1 << 20  # libcurl asks a store before it sends more


def upload(
    source: SourceFile,
    store: S3Object,
    trail: ResumeState,
    *,
    progress: Progress,
    deadline: Deadline,
    connections: int,
) -> None:
    """Store the file as it is now, or raise.

    The parts of an upload that was not finished are left to the next try, or to `abort` when there will be
    none; without a trail they are thrown away here.
    """
    watch = partial(progress.advance, 0)
    if source.size <= WHOLE_BYTES:
        if trail.upload_id or trail.lost_since is not None:
            with store.watched(watch):
                _forget(store, trail)
        _send_whole(source, store, progress, deadline)
        return
    try:
        with store.watched(watch):
            upload_id, stored = _take_up(store, trail)
        parts = split_parts(source.size, upload_part_size(source.size))
        work = _part_work(source, store, upload_id, stored)
        PartRunner(parts, connections, work, store.cut).run(_watcher(parts, progress, deadline))
        source.check_unchanged()
        watch = partial(progress.advance, source.size)
        watch()  # the last moment for a cancel that is sure to leave no object
        named = [stored[part.number] for part in parts]
        with store.watched(watch):
            store.uploads.complete(upload_id, named)
    except BaseException:
        if not trail.token:
            with suppress(StorageError):  # the first error is the one to tell
                abort_upload(store, trail)
        raise
    trail.keep_upload("")
    with store.watched(watch):
        _check_size(source, store)


def upload_presigned(
    source: SourceFile, store: PresignedObject, progress: Progress, deadline: Deadline
) -> None:
    """Store the file with the one request that a presigned URL allows."""
    part = Part(1, 0, source.size)
    watch = _watcher([part], progress, deadline)
    with store.watched(watch):
        store.put(_followed(source, part, watch))
    progress.advance(source.size)


def abort_upload(store: S3Object, trail: ResumeState) -> None:
    """Throw away the upload that is under way, so that nobody pays for its parts."""
    _abort_known(store, trail)
    _abort_lost(store, trail)


def _forget(store: S3Object, trail: ResumeState) -> None:
    """Throw away what earlier tries have begun, when the file has shrunk to where it needs no parts."""
    _abort_known(store, trail)
    with suppress(StorageError):  # not every account may list uploads
        _abort_lost(store, trail)


def _abort_known(store: S3Object, trail: ResumeState) -> None:
    if trail.upload_id:
        store.uploads.abort(trail.upload_id)
        trail.keep_upload("")


def _abort_lost(store: S3Object, trail: ResumeState) -> None:
    """Throw away what a process has begun that was killed before it could keep the id."""
    if trail.lost_since is not None:
        for upload_id in store.uploads.lost(trail.lost_since):
            store.uploads.abort(upload_id)


def upload_part_size(size: int) -> int:
    """Return the size of a part, so that even the largest object has no more parts than S3 allows."""
    even = -(-size // MOST_PARTS)
    return max(WHOLE_BYTES, -(-even >> 20) << 20)


def _take_up(store: S3Object, trail: ResumeState) -> tuple[str, dict[int, StoredPart]]:
    """Go on with the upload of an earlier try where the store still has it, else begin one."""
    stored = store.uploads.stored(trail.upload_id) if trail.upload_id else None
    if stored is not None:
        return trail.upload_id, stored
    try:
        _abort_known(store, trail)
    except StorageError as error:  # not every account may
        if error.transient:
            raise
    with suppress(StorageError):  # not every account may list uploads, and this one does not need it
        _abort_lost(store, trail)
    upload_id = store.uploads.start()
    try:
        trail.keep_upload(upload_id)
    except BaseException:
        with store.watched(lambda: None):
            store.uploads.abort(upload_id)  # nobody else knows of it
        raise
    return upload_id, {}


def _send_whole(source: SourceFile, store: S3Object, progress: Progress, deadline: Deadline) -> None:
    part = Part(1, 0, source.size)
    watch = _watcher([part], progress, deadline)

    def work() -> None:
        small = _small(source)
        data = FileSlice(source, 0, source.size, watch) if small is None else small
        body = _followed(source, part, watch) if small is None else small
        digests = _digests(data, store.digests)
        is_kept = _is_kept(data, digests, store.put(body, digests))
        if is_kept is False:
            raise _other_bytes(store)
        if is_kept is None:
            _check_size(source, store)

    with store.watched(watch):
        alone(work, watch)
    progress.advance(source.size)


def _small(source: SourceFile) -> bytes | None:
    """Return all of a small file: of a larger one the store is asked first whether it may come."""
    if source.size > _UNASKED_BYTES:
        return None
    data = source.read_at(0, source.size)
    if len(data) != source.size:
        raise source.changed()
    source.check_unchanged()
    return data


def _part_work(source: SourceFile, store: S3Object, upload_id: str, stored: dict[int, StoredPart]) -> Work:
    def work(part: Part, check: Callable[[], None]) -> None:
        data = FileSlice(source, part.start, part.stop or source.size, check)
        digests = _digests(data, store.digests)
        known = stored.get(part.number)
        if known is None or known.size != len(data) or not _is_kept(data, digests, known):
            known = store.uploads.put(upload_id, part.number, _followed(source, part, check), digests)
            if _is_kept(data, digests, known) is False:
                raise _other_bytes(store)
        else:
            known = replace(known, crc64nvme=digests["crc64nvme"])  # not every store lists it
        stored[part.number] = known
        part.done = len(data)

    return work


def _followed(source: SourceFile, part: Part, check: Callable[[], None]) -> FileSlice:
    """Return the part's piece of the source; while it is read, the part shows the most of it that was."""

    def follow() -> None:
        check()
        part.under_way = max(part.under_way, data.tell())

    data = FileSlice(source, part.start, part.stop or source.size, follow)
    return data


def _is_kept(data: FileSlice | bytes, digests: Mapping[str, bytes], stored: StoredPart) -> bool | None:
    """Tell whether the store has these very bytes; None when nothing that it says can tell."""
    if stored.crc64nvme is not None:
        return stored.crc64nvme == digests["crc64nvme"]
    return None if stored.md5 is None else _digests(data, ["md5"])["md5"].hex() == stored.md5


def _digests(data: FileSlice | bytes, algorithms: Iterable[str]) -> dict[str, bytes]:
    """Return digests of the data; a slice is left at its start."""
    if isinstance(data, bytes):
        return compute_digests([data], algorithms)
    data.seek(0)
    digests = compute_digests(iter(partial(data.read, _READ_BYTES), b""), algorithms)
    data.seek(0)
    return digests


def _other_bytes(store: S3Object) -> StorageUnavailable:
    key = store.address.key
    return StorageUnavailable(f"the store keeps other bytes of {key!r} than were sent; it is tried again")


def _check_size(source: SourceFile, store: S3Object) -> None:
    stored = store.size()
    if stored != source.size:
        raise StorageUnavailable(
            f"the store has {stored} of {source.size} bytes of {store.address.key!r}; it is tried again"
        )


def _watcher(parts: Sequence[Part], progress: Progress, deadline: Deadline) -> Callable[[], None]:
    due = 0.0

    def watch() -> None:
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + POLL_S
            deadline.check()
            progress.advance(sum(part.done or part.under_way for part in parts))

    return watch
