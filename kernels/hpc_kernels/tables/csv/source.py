"""The bytes of a text at any place: of a file, which is never held as a whole, or of a packed one."""

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
    """A text of so many bytes; `fill` fills a buffer from a byte on and returns how much there was."""

    file: str
    size: int
    fill: Callable[[memoryview, int], int]

    def read_at(self, start: int, size: int) -> bytes:
        """Return at most so many bytes from `start` on."""
        buffer = bytearray(size)
        found = self.fill(memoryview(buffer), start)
        return bytes(memoryview(buffer)[:found])

    def find_line_end(self, start: int, stop: int) -> int:
        """Return where the line ends, its break included, in which `start` is; at the latest at `stop`."""
        while start < stop:
            end = self.read_at(start, min(BUFFER_BYTES, stop - start)).find(b"\n")
            if end >= 0:
                return start + end + 1
            start += BUFFER_BYTES
        return stop

    def find_end(self, start: int) -> int:
        """Return where the last line ends that is not blank."""
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
    """Open the text at `path`; one packed by gzip is read where it is `unpacked`, else held in memory."""
    if is_gzip(path) and not unpacked:
        text = _unpacked(path)
        yield TextSource(path.name, len(text), partial(_copied, memoryview(text)))
        return
    with (unpacked or path).open("rb") as file:
        yield TextSource(path.name, os.fstat(file.fileno()).st_size, partial(_filled, file.fileno()))


def is_gzip(path: Path) -> bool:
    """Tell whether the name is one of a file packed by gzip."""
    return path.suffix.lower() == ".gz"


def decompress_to(path: Path, place: Path) -> None:
    """Unpack the text at `path` into a file, little by little; a broken one is bad input."""
    with open_atomically(place, lasting=False) as file:
        file.writelines(_unpacked_pieces(path))


def _unpacked_pieces(path: Path) -> Iterator[bytes]:
    """Yield the text piece by piece; what goes wrong where they are taken to is no fault of the file."""
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
