"""Fetching: the bytes of a remote file into a file of the cluster, in parts, over several connections."""

import logging
import sys
import time
from collections.abc import Callable, Sequence

from gateway.errors import GatewayError, StorageUnavailable
from gateway.filesystems.files import PartialFile
from gateway.storage.checksums import Verifier
from gateway.storage.remote import Remote, RemoteInfo, without_parts
from gateway.transfers.staging.attempt import Deadline, Progress
from gateway.transfers.staging.journal import Journal
from gateway.transfers.staging.parts import LONGEST_RUN, POLL_S, Part, PartRunner, Work
from gateway.transfers.staging.verification import Check, choose_check

SMALLEST_PART_BYTES = 8 << 20
LARGEST_PART_BYTES = 64 << 20
PARTS_PER_CONNECTION = 4
_log = logging.getLogger(__name__)


def download(
    remote: Remote,
    info: RemoteInfo,
    incoming: PartialFile,
    *,
    progress: Progress,
    deadline: Deadline,
    connections: int,
) -> None:
    """Bring the remote file as it was when `info` was asked for, or raise.

    Raises
    ------
    StorageChanged
        When it is another one by now.
    StorageUnavailable
        When bytes are missing or are not those that its checksum speaks of.
    """
    if info.whole is not None:
        _keep(info.whole, info, incoming, progress)
        return
    connections = min(connections, info.most_connections)
    part_bytes = download_part_size(info.size, connections, info.parts_bytes) if info.ranges else 0
    parts = split_parts(info.size, part_bytes)
    journal = Journal(incoming, info, part_bytes, parts)
    journal.resume()
    reserving = incoming.reserve(info.size or 0)
    next(reserving, 0)
    verifier = Verifier(info)
    check = choose_check(incoming, parts, verifier, part_bytes)
    watch = _watcher(parts, journal, progress, deadline)
    crew = PartRunner(
        [part for part in parts if not part.finished],
        connections,
        _work(remote, info, incoming, check),
        remote.cut,
        longest_run=LONGEST_RUN,
    )
    try:
        crew.run(watch, lambda: next(reserving, 0) > 0 or check.step())
        _read_back(check, watch)
        progress.advance(_total(parts))
        if verifier.parts_bytes and not check.agrees() and not _has_even_parts(remote, info, watch):
            _log.warning("%s: the object's parts differ in size: no checksum to go by", incoming.path)
            verifier = Verifier(without_parts(info))
            check = choose_check(incoming, parts, verifier, part_bytes)
            _read_back(check, watch)
    except BaseException as error:
        journal.close(goes_on=isinstance(error, GatewayError) and error.transient)
        raise
    journal.close()
    _judge(info, _total(parts), incoming, verifier.algorithm, agrees=check.agrees)


def _has_even_parts(remote: Remote, info: RemoteInfo, watch: Callable[[], None]) -> bool:
    with remote.watched(watch):
        return info.has_even_parts()


def _read_back(check: Check, watch: Callable[[], None]) -> None:
    while check.step():
        watch()


def _keep(whole: bytes, info: RemoteInfo, incoming: PartialFile, progress: Progress) -> None:
    """Write what came with the first answer."""
    if incoming.size:
        incoming.restart()
    incoming.write_at(whole, 0)
    progress.advance(len(whole))
    verifier = Verifier(info)
    stretch = verifier.stretch()
    stretch.update(memoryview(whole))
    _judge(info, len(whole), incoming, verifier.algorithm, agrees=lambda: verifier.agrees([stretch]))


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


def split_parts(size: int | None, part_bytes: int) -> list[Part]:
    """Return the parts of so many bytes; a file of unknown size or without ranges is one part."""
    if size is None or not part_bytes or size <= part_bytes:
        return [Part(1, 0, size)]
    starts = range(0, size, part_bytes)
    return [Part(n, start, min(start + part_bytes, size)) for n, start in enumerate(starts, start=1)]


def _work(remote: Remote, info: RemoteInfo, incoming: PartialFile, check: Check) -> Work:
    def work(part: Part, may_go_on: Callable[[], None]) -> None:
        if not info.ranges:
            part.done = 0
        if part.stop == part.start + part.done:
            return

        def take(data: memoryview) -> bool:
            may_go_on()
            data = data[: _missing(part)]
            incoming.write_at(data, part.start + part.done)
            check.take(part, data)
            part.done += len(data)
            return _missing(part) > 0

        with remote.read(info, part.start + part.done, part.stop) as answer:
            answer.pour(take)
        if part.stop is not None and _missing(part):
            raise StorageUnavailable("the store ended the connection before all was sent")

    return work


def _missing(part: Part) -> int:
    return sys.maxsize if part.stop is None else part.stop - part.start - part.done


def _watcher(
    parts: Sequence[Part], journal: Journal, progress: Progress, deadline: Deadline
) -> Callable[[], None]:
    due = 0.0

    def watch() -> None:
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + POLL_S
            deadline.check()
            progress.advance(_total(parts))
            journal.keep()

    return watch


def _total(parts: Sequence[Part]) -> int:
    return sum(part.done for part in parts)


def _judge(
    info: RemoteInfo, arrived: int, incoming: PartialFile, algorithm: str, *, agrees: Callable[[], bool]
) -> None:
    expected = arrived if info.size is None else info.size
    if arrived != expected or incoming.size != expected:
        incoming.restart()
        raise StorageUnavailable(f"{incoming.size} of {expected} bytes arrived; it is tried again")
    if not agrees():
        incoming.restart()
        raise StorageUnavailable(
            f"the bytes that arrived do not have the {algorithm} checksum that the store gives;"
            " it is tried again"
        )
