"""Fetching: the bytes of a remote file into a file of the cluster, in parts, over several connections."""

import time
from collections.abc import Callable, Sequence

from gateway.errors import StorageUnavailable
from gateway.sites.files import Incoming
from gateway.staging.crew import POLL_S, Crew, Part
from gateway.staging.journal import Journal
from gateway.staging.progress import Deadline, Progress
from gateway.storage.checksums import Verifier
from gateway.storage.remote import Remote, RemoteInfo

SMALLEST_PART_BYTES = 8 << 20
LARGEST_PART_BYTES = 64 << 20
PARTS_PER_CONNECTION = 4
BUFFER_BYTES = 1 << 20


def fetch(
    remote: Remote,
    info: RemoteInfo,
    incoming: Incoming,
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
    part_bytes = part_size(info.size, connections) if info.ranges else 0
    parts = cut_up(info.size, part_bytes)
    journal = Journal(incoming, info, part_bytes, parts)
    journal.resume()
    if info.size:
        incoming.reserve(info.size)
    reader = _Reader(incoming, parts, Verifier(info))
    watch = _watcher(parts, journal, progress, deadline)
    crew = Crew([p for p in parts if not p.finished], connections, _work(remote, info, incoming), remote.cut)
    try:
        crew.run(watch, reader.step)
        while reader.step():
            watch()
    finally:
        journal.close()
    progress.advance(_total(parts))
    _check(info, _total(parts), reader.verifier, incoming)


def _keep(whole: bytes, info: RemoteInfo, incoming: Incoming, progress: Progress) -> None:
    """Write what came with the first answer."""
    if incoming.size:
        incoming.restart()
    incoming.write_at(whole, 0)
    progress.advance(len(whole))
    verifier = Verifier(info)
    verifier.update(memoryview(whole))
    _check(info, len(whole), verifier, incoming)


def part_size(size: int | None, connections: int) -> int:
    """Return a size of parts that keeps every connection busy and the number of requests low."""
    if size is None:
        return 0
    even = -(-size // (connections * PARTS_PER_CONNECTION))
    return max(SMALLEST_PART_BYTES, min(LARGEST_PART_BYTES, -(-even >> 20) << 20))


def cut_up(size: int | None, part_bytes: int) -> list[Part]:
    """Return the parts of so many bytes; a file of unknown size or without ranges is one part."""
    if size is None or not part_bytes or size <= part_bytes:
        return [Part(1, 0, size)]
    starts = range(0, size, part_bytes)
    return [Part(n, start, min(start + part_bytes, size)) for n, start in enumerate(starts, start=1)]


def _work(remote: Remote, info: RemoteInfo, incoming: Incoming) -> Callable[[Part, Callable[[], None]], None]:
    def work(part: Part, check: Callable[[], None]) -> None:
        if not info.ranges:
            part.done = 0
        if part.stop == part.start + part.done:
            return
        buffer = memoryview(bytearray(_buffer_size(part)))
        with remote.read(info, part.start + part.done, part.stop) as answer:
            while (wanted := _wanted(part, len(buffer))) > 0:
                count = answer.readinto(buffer[:wanted])
                check()
                if count == 0 and part.stop is not None:
                    raise StorageUnavailable("the store ended the connection before all was sent")
                if count == 0:
                    return
                incoming.write_at(buffer[:count], part.start + part.done)
                part.done += count

    return work


def _buffer_size(part: Part) -> int:
    return BUFFER_BYTES if part.stop is None else max(1, min(BUFFER_BYTES, part.stop - part.start))


def _wanted(part: Part, most: int) -> int:
    return most if part.stop is None else min(most, part.stop - part.start - part.done)


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


class _Reader:
    """Reads the file from its start while the parts arrive, as far as it is whole, for its checksum."""

    def __init__(self, incoming: Incoming, parts: Sequence[Part], verifier: Verifier) -> None:
        self._incoming, self._parts, self.verifier = incoming, parts, verifier
        self._index = self._offset = 0
        self._buffer = memoryview(bytearray(BUFFER_BYTES)) if verifier.algorithm else memoryview(b"")

    def step(self) -> bool:
        """Take the next bytes that are there; False when there are none."""
        if not self.verifier.algorithm:
            return False
        count = min(self._there() - self._offset, BUFFER_BYTES)
        if count <= 0:
            return False
        self.verifier.update(self._incoming.read_at(self._buffer[:count], self._offset))
        self._offset += count
        return True

    def _there(self) -> int:
        """Return up to where the file has no hole. A part without ranges may start again: wait for it."""
        while self._index < len(self._parts) - 1 and self._parts[self._index].finished:
            self._index += 1
        part = self._parts[self._index]
        return part.start + part.done if part.finished or len(self._parts) > 1 else 0


def _check(info: RemoteInfo, arrived: int, verifier: Verifier, incoming: Incoming) -> None:
    expected = arrived if info.size is None else info.size
    if arrived != expected or incoming.size != expected:
        incoming.restart()
        raise StorageUnavailable(f"{incoming.size} of {expected} bytes arrived; it is tried again")
    if not verifier.agrees():
        incoming.restart()
        raise StorageUnavailable(
            f"the bytes that arrived do not have the {verifier.algorithm} checksum that the store"
            " gives; it is tried again"
        )
