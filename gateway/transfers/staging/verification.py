"""Verification: the checksum of arriving bytes, taken by their threads or read back from the file."""

from collections.abc import Callable, Iterator
from typing import Protocol

from gateway.egress.threads import wait_for_thread
from gateway.filesystems.files import PartialFile
from gateway.storage.checksums import Stretch, Verifier
from gateway.transfers.staging.part_queue import Part, PartQueue

BUFFER_BYTES = 1 << 20


class Check(Protocol):
    """A checksum that grows while the parts of a file arrive."""

    def take(self, part: Part, data: memoryview) -> None:
        """Add the next bytes of a part; called by the thread that brings them."""

    def step(self) -> bool:
        """Read back some bytes that were not taken; False when there are none by now."""

    def agrees(self) -> bool:
        """Return whether the bytes have the checksum, when all of them were taken or read."""


def choose_check(
    incoming: PartialFile, parts: PartQueue, verifier: Verifier, part_bytes: int, report: Callable[[], None]
) -> Check:
    """Return the check for a file that comes in parts of so many bytes; an exception of `report` ends it."""
    if verifier.is_of_stretches(part_bytes):
        return _PartsCheck(incoming, parts, verifier)
    if incoming.is_far and verifier.whole:
        return _LateCheck(incoming, parts, verifier, report)
    return _OrderedCheck(incoming, parts, verifier)


class _PartsCheck:
    """A check in which each part has a stretch of its own, made with its first bytes."""

    def __init__(self, incoming: PartialFile, parts: PartQueue, verifier: Verifier) -> None:
        self._incoming, self._verifier = incoming, verifier
        self._stretches: dict[int, Stretch] = {}
        self._reading = self._read_back(parts.finished())  # of an earlier try

    def take(self, part: Part, data: memoryview) -> None:
        self._stretch(part.number).update(data)

    def step(self) -> bool:
        return next(self._reading, False)

    def agrees(self) -> bool:
        return self._verifier.agrees(each for _, each in sorted(self._stretches.items()) if each.size)

    def _stretch(self, number: int) -> Stretch:
        known = self._stretches.get(number)
        return known or self._stretches.setdefault(number, self._verifier.stretch())

    def _read_back(self, finished: Iterator[tuple[int, int, int]]) -> Iterator[bool]:
        buffer = memoryview(bytearray(BUFFER_BYTES))
        for number, start, stop in finished:
            for offset in range(start, stop, BUFFER_BYTES):
                data = self._incoming.read_at(buffer[: min(BUFFER_BYTES, stop - offset)], offset)
                self._stretch(number).update(data)
                yield True


class _OrderedCheck:
    """A check that reads the file from its start while the parts arrive, as far as it has no hole."""

    def __init__(self, incoming: PartialFile, parts: PartQueue, verifier: Verifier) -> None:
        self._incoming, self._parts, self._verifier = incoming, parts, verifier
        self._stretch = verifier.stretch()
        self._offset = 0
        self._buffer = memoryview(bytearray(BUFFER_BYTES if verifier.algorithm else 0))

    def take(self, part: Part, data: memoryview) -> None:
        pass

    def step(self) -> bool:
        if not self._verifier.algorithm:
            return False
        count = min(self._parts.whole_until() - self._offset, BUFFER_BYTES)
        if count <= 0:
            return False
        self._stretch.update(self._incoming.read_at(self._buffer[:count], self._offset))
        self._offset += count
        return True

    def agrees(self) -> bool:
        return self._verifier.agrees([self._stretch])


class _LateCheck:
    """A check of the whole file by a tool of the cluster; without a tool the file is read then."""

    def __init__(
        self, incoming: PartialFile, parts: PartQueue, verifier: Verifier, report: Callable[[], None]
    ) -> None:
        self._incoming, self._verifier, self._report = incoming, verifier, report
        self._reading = _OrderedCheck(incoming, parts, verifier)

    def take(self, part: Part, data: memoryview) -> None:
        pass

    def step(self) -> bool:
        return False

    def agrees(self) -> bool:
        found = wait_for_thread(lambda: self._incoming.digest(self._verifier.whole), self._report)
        if found is not None:
            return self._verifier.agrees_with(found)
        while self._reading.step():
            self._report()
        return self._reading.agrees()
