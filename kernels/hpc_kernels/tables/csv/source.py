"""Text sources with random access to bytes: a file, or a file compressed by gzip."""

import gzip
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hpc_kernels.errors import unreadable_as_bad_input
from hpc_kernels.files import open_atomically

BUFFER_BYTES = 1 << 18
_UNPACKED_AT_ONCE = 1 << 20
_BLANK = b" \t\r\n"


@dataclass(frozen=True)
class TextSource:
    """A text of `size` bytes; `fill` fills a buffer from an offset on and returns the number of bytes."""

    file: str
    size: int
    fill: Callable[[memoryview, int], int]

    def read_at(self, start: int, size: int) -> bytes:
        """Return at most `size` bytes from `start` on."""
        buffer = bytearray(size)
        found = self.fill(memoryview(buffer), start)
        return bytes(memoryview(buffer)[:found])

    def find_line_end(self, start: int, stop: int) -> int:
        """Return the end of the line that contains `start`, its break included, at most `stop`."""
        while start < stop:
            end = self.read_at(start, min(BUFFER_BYTES, stop - start)).find(b"\n")
            if end >= 0:
                return start + end + 1
            start += BUFFER_BYTES
        return stop

    def find_end(self, start: int) -> int:
        """Return the end of the last line that is not blank."""
        stop = self.size
        while stop > start:
            first = max(start, stop - BUFFER_BYTES)
            kept = len(self.read_at(first, stop - first).rstrip(_BLANK))
            stop = first + kept
            if kept:
                break
        return stop


@contextmanager
def open_source(path: Path, unpacked: Path | None = None) -> Iterator[TextSource]:
    """Open the text at `path`; one compressed by gzip is read from `unpacked`, or decompressed in memory."""
    if is_gzip(path) and not unpacked:
        text = _unpacked(path)
        yield TextSource(path.name, len(text), partial(_copied, memoryview(text)))
        return
    with (unpacked or path).open("rb") as file:
        yield TextSource(path.name, os.fstat(file.fileno()).st_size, partial(_filled, file.fileno()))


def is_gzip(path: Path) -> bool:
    """Return whether the name of a file ends in ``.gz``."""
    return path.suffix.lower() == ".gz"


def decompress_to(path: Path, place: Path) -> None:
    """Decompress the text at `path` into the file `place`, piece by piece; a broken file is bad input."""
    with open_atomically(place, durable=False) as file:
        file.writelines(_unpacked_pieces(path))


def _unpacked_pieces(path: Path) -> Iterator[bytes]:
    """Yield the text piece by piece; an exception of the consumer is not reported as bad input."""
    with unreadable_as_bad_input(path.name, "gzip"), gzip.open(path) as packed:
        while piece := packed.read(_UNPACKED_AT_ONCE):
            yield piece


def _unpacked(path: Path) -> bytes:
    packed = path.read_bytes()
    with unreadable_as_bad_input(path.name, "gzip"):
        return gzip.decompress(packed)


def _filled(descriptor: int, buffer: memoryview, start: int) -> int:
    return os.preadv(descriptor, [buffer], start)


def _copied(text: memoryview, buffer: memoryview, start: int) -> int:
    found = text[start : start + len(buffer)]
    buffer[: len(found)] = found
    return len(found)
