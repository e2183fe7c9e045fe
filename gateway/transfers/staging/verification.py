"""Verification: the checksum of arriving bytes, taken by their threads or read back from the file."""

from collections.abc import Sequence
from typing import Protocol

from gateway.filesystems.files import PartialFile
from gateway.storage.checksums import Verifier
from gateway.transfers.staging.parts import Part

BUFFER_BYTES = 1 << 20


class Check(Protocol):
    """A checksum that grows while the parts of a file arrive."""

    def take(self, part: Part, data: memoryview) -> None:
        """Add the next bytes of a part; called by the thread that brings them."""

    def step(self) -> bool:
        """Read back some bytes that were not taken; False when there are none by now."""

    def agrees(self) -> bool:
        """Return whether the bytes have the checksum, when all of them were taken or read."""


def choose_check(incoming: PartialFile, parts: Sequence[Part], verifier: Verifier, part_bytes: int) -> Check:
    """Return the check for a file that comes in parts of so many bytes."""
    if verifier.is_of_stretches(part_bytes):
        return _PartsCheck(incoming, parts, verifier)
    return _OrderedCheck(incoming, parts, verifier)


class _PartsCheck:
    """A check in which each part has a stretch of its own."""

    def __init__(self, incoming: PartialFile, parts: Sequence[Part], verifier: Verifier) -> None:
        self._incoming, self._parts, self._verifier = incoming, parts, verifier
        self._stretches = {part.number: verifier.stretch() for part in parts}
        self._unread = [part for part in parts if part.finished]  # of an earlier try
        self._done = 0
        self._buffer = memoryview(bytearray(BUFFER_BYTES if self._unread else 0))

    def take(self, part: Part, data: memoryview) -> None:
        self._stretches[part.number].update(data)

    def step(self) -> bool:
        if not self._unread:
            return False
        part = self._unread[-1]
        count = min(part.done - self._done, BUFFER_BYTES)
        data = self._incoming.read_at(self._buffer[:count], part.start + self._done)
        self._stretches[part.number].update(data)
        self._done += count
        if self._done == part.done:
            self._unread.pop()
            self._done = 0
        return True

    def agrees(self) -> bool:
        return self._verifier.agrees(self._stretches[part.number] for part in self._parts if part.done)


class _OrderedCheck:
    """A check that reads the file from its start while the parts arrive, as far as it has no hole."""

    def __init__(self, incoming: PartialFile, parts: Sequence[Part], verifier: Verifier) -> None:
        self._incoming, self._parts, self._verifier = incoming, parts, verifier
        self._stretch = verifier.stretch()
        self._index = self._offset = 0
        self._buffer = memoryview(bytearray(BUFFER_BYTES if verifier.algorithm else 0))

    def take(self, part: Part, data: memoryview) -> None:
        pass

    def step(self) -> bool:
        if not self._verifier.algorithm:
            return False
        count = min(self._find_hole() - self._offset, BUFFER_BYTES)
        if count <= 0:
            return False
        self._stretch.update(self._incoming.read_at(self._buffer[:count], self._offset))
        self._offset += count
        return True

    def agrees(self) -> bool:
        return self._verifier.agrees([self._stretch])

    def _find_hole(self) -> int:
        """Return the offset of the first hole; a file without ranges may start again until it is whole."""
        while self._index < len(self._parts) - 1 and self._parts[self._index].finished:
            self._index += 1
        part = self._parts[self._index]
        return part.start + part.done if part.finished or len(self._parts) > 1 else 0
