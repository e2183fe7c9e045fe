"""Download: the bytes of a remote file into a file of the cluster, in parts, over several connections."""

import logging
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

from gateway.egress.bounds import LARGEST_FILE_BYTES
from gateway.errors import Fault, GatewayError, StorageChanged, StorageError, StorageUnavailable
from gateway.filesystems.files import PartialFile
from gateway.storage.checksums import Verifier
from gateway.storage.remote import Remote, RemoteInfo, without_parts
from gateway.transfers.staging.attempt import Attempt, Progress
from gateway.transfers.staging.journal import Journal
from gateway.transfers.staging.judgement import Digested, Judgement
from gateway.transfers.staging.part_queue import Part, PartQueue
from gateway.transfers.staging.parts import LONGEST_RUN, PartRunner
from gateway.transfers.staging.verification import choose_check

RESTARTS = 2  # of an object that changes while it is read, before the transfer is put off
SMALLEST_PART_BYTES = 8 << 20
LARGEST_PART_BYTES = 64 << 20
PARTS_PER_CONNECTION = 4
SPACE_STEP_BYTES = 16 << 20  # between two looks at the free space
_log = logging.getLogger(__name__)


def download(remote: Remote, file: AbstractContextManager[PartialFile], attempt: Attempt) -> str:
    """Copy a remote file to the cluster, where it appears whole and verified or not at all.

    Returns the way in which it was verified.

    The remote is asked before the file is made. A remote file that changes meanwhile is begun again.

    Raises
    ------
    StorageError, FilesystemError
        With a sentence for the user; the transient ones of them are worth another try.
    """
    info = _ask(remote, attempt.progress)
    with file as incoming:
        for restarts_left in reversed(range(RESTARTS + 1)):
            try:
                return _download_version(remote, info, incoming, attempt)
            except StorageChanged:
                if not restarts_left:
                    raise
                info = _ask(remote, attempt.progress)
    raise AssertionError  # the last restart has returned or raised


def _ask(remote: Remote, progress: Progress) -> RemoteInfo:
    with remote.watched(partial(progress.advance, 0)):
        info = remote.ask()
    if info.size is not None:
        _check_size(info.size)
        progress.expect(info.size)
    return info


def _check_size(size: int) -> None:
    """Raise StorageError for a size that no file can have, before anything counts with it."""
    if not 0 <= size <= LARGEST_FILE_BYTES:
        raise StorageError(
            f"the server gives {size} bytes as the size of the file, which no filesystem can hold:"
            " check the source",
            Fault.SPACE,
        )


def _download_version(remote: Remote, info: RemoteInfo, incoming: PartialFile, attempt: Attempt) -> str:
    """Bring the remote file as it was when `info` was asked for, and return how it was verified.

    Raises
    ------
    StorageChanged
        When it is another one by now.
    StorageUnavailable
        When bytes are missing, or disagree with its checksum.
    """
    if info.whole is None:
        return _PartsDownload(remote, info, incoming, attempt).run()
    _keep_whole(info.whole, incoming, attempt.progress)
    return Judgement(remote, info, incoming, attempt).verify(len(info.whole), _digest(info.whole, info))


def _keep_whole(whole: bytes, incoming: PartialFile, progress: Progress) -> None:
    """Write a body that came with the first answer."""
    if incoming.size:
        incoming.restart()
    incoming.write_at(whole, 0)
    progress.advance(len(whole))


def _digest(whole: bytes, info: RemoteInfo) -> Digested:
    verifier = Verifier(info)
    stretch = verifier.stretch()
    stretch.update(memoryview(whole))
    return Digested(verifier.algorithm, lambda: verifier.agrees([stretch]))


class _PartsDownload:
    """One version of a remote file on its way into a partial file."""

    def __init__(self, remote: Remote, info: RemoteInfo, incoming: PartialFile, attempt: Attempt) -> None:
        self._remote, self._info, self._incoming, self._attempt = remote, info, incoming, attempt
        self._roomy_bytes = 0
        self._connections = min(attempt.connections, info.most_connections)
        self._part_bytes = (
            download_part_size(info.size, self._connections, info.parts_bytes) if info.ranges else 0
        )
        self._parts = PartQueue(info.size, self._part_bytes)
        self._journal = Journal(incoming, info, self._part_bytes, self._parts)
        self._report = attempt.reporter(self._parts.count_done, self._journal.keep)

    def run(self) -> str:
        """Bring all the parts, verify the file, and return how."""
        if not self._info.ranges:
            self._attempt.resume.begins_again()
        self._journal.resume()
        self._incoming.check_space(self._info.size or 0)
        self._reservation = self._incoming.reserve(self._info.size or 0)
        next(self._reservation, 0)
        self._verify_with(self._info)
        try:
            self._run_parts()
            self._attempt.progress.advance(self._parts.count_done())
            if self._verifier.parts_bytes and not self._check.agrees() and not self._has_even_parts():
                self._verify_without_parts()
        except BaseException as error:
            self._journal.close(goes_on=isinstance(error, GatewayError) and error.transient)
            raise
        self._journal.close()
        judgement = Judgement(self._remote, self._info, self._incoming, self._attempt, self._part_bytes)
        found = Digested(self._verifier.algorithm, self._check.agrees)
        return judgement.verify(self._parts.count_done(), found)

    def _verify_with(self, info: RemoteInfo) -> None:
        self._verifier = Verifier(info)
        self._check = choose_check(
            self._incoming, self._parts, self._verifier, self._part_bytes, self._report
        )

    def _run_parts(self) -> None:
        runner = PartRunner(
            self._parts,
            self._connections,
            self._bring,
            self._remote.cut,
            longest_run=LONGEST_RUN,
            least_bytes=self._attempt.least_bytes,
        )
        runner.run(self._report, lambda: next(self._reservation, 0) > 0 or self._check.step())
        self._read_back()

    def _read_back(self) -> None:
        while self._check.step():
            self._report()

    def _has_even_parts(self) -> bool:
        with self._remote.watched(self._report):
            return self._info.has_even_parts()

    def _verify_without_parts(self) -> None:
        _log.warning("%s: the object's parts differ in size: no checksum to go by", self._incoming.path)
        self._verify_with(without_parts(self._info))
        self._read_back()

    def _bring(self, part: Part, check_stop: Callable[[], None]) -> None:
        """Read one part, from where it was left, and write it to its place in the file."""
        if not self._info.ranges:
            part.done = 0
        if part.stop == part.start + part.done:
            return

        def take(data: memoryview) -> bool:
            check_stop()
            data = data[: _count_missing(part)]
            if part.stop is None:
                self._check_space(part.done + len(data))
            self._incoming.write_at(data, part.start + part.done)
            self._check.take(part, data)
            part.done += len(data)
            return _count_missing(part) > 0

        with self._remote.read(self._info, part.start + part.done, part.stop) as answer:
            answer.stream(take)
        if part.stop is not None and _count_missing(part):
            raise StorageUnavailable("the store ended the connection before all was sent")

    def _check_space(self, size: int) -> None:
        """Compare a body of unknown length with the free space, again after every few megabytes."""
        if size > self._roomy_bytes:
            self._roomy_bytes = size + SPACE_STEP_BYTES
            self._incoming.check_space(size)


def _count_missing(part: Part) -> int:
    return sys.maxsize if part.stop is None else part.stop - part.start - part.done


def download_part_size(size: int | None, connections: int, parts_bytes: int = 0) -> int:
    """Return a size of parts that keeps every connection busy and the number of requests low.

    Of an object that was uploaded in parts of `parts_bytes` each is made of some of those, unless they are
    very large: a store reads them faster, and their digests can be taken one by one.
    """
    if size is None:
        return 0
    even = -(-size // (connections * PARTS_PER_CONNECTION))
    step = parts_bytes if 0 < parts_bytes <= LARGEST_PART_BYTES else 1 << 20
    wanted = max(SMALLEST_PART_BYTES, min(LARGEST_PART_BYTES, even))
    return -(-wanted // step) * step
