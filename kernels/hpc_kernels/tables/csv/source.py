"""Text sources with random access to bytes: a file, or the text of a file that is compressed or in UTF-16."""

import codecs
import gzip
import os
import resource
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO
from weakref import finalize

from hpc_kernels.errors import BadInputError, unreadable_as_bad_input
from hpc_kernels.files import Buffer, open_atomically
from hpc_kernels.tables.bounds import LONGEST_ROW

BUFFER_BYTES = 1 << 18
_UNPACKED_AT_ONCE = 1 << 20
_BLANK = b" \t\r\n"
_GZIP, _UTF_16 = b"\x1f\x8b", (b"\xff\xfe", b"\xfe\xff")


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

    def find_end(self, start: int, separator: bytes = b"") -> int:
        """Return the end of the last line that holds more than blanks and separators."""
        blank, stop = _BLANK + separator, self.size
        while stop > start:
            first = max(start, stop - BUFFER_BYTES)
            kept = len(self.read_at(first, stop - first).rstrip(blank))
            stop = first + kept
            if kept:
                break
        return stop + self._rest(stop) if separator else stop

    def _rest(self, start: int) -> int:
        """Return the bytes of separators at the end of a line, which stand for blank cells."""
        end = self.find_line_end(start, min(self.size, start + LONGEST_ROW))
        rest = self.read_at(start, end - start).rstrip(b" \r\n")
        return 0 if b"\r" in rest and not rest.strip(_BLANK) else len(rest)

    def translated(self, table: bytes) -> "TextSource":
        """Return the text with each byte replaced as `bytes.translate` does it."""

        def fill(buffer: memoryview, start: int) -> int:
            found = self.fill(buffer, start)
            buffer[:found] = bytes(buffer[:found]).translate(table)
            return found

        return replace(self, fill=fill)

    def count_lines(self) -> int:
        """Return the number of lines up to the last one that is not blank."""
        stop = self.find_end(0)
        starts = range(0, stop, BUFFER_BYTES)
        return 1 + sum(self.read_at(at, min(BUFFER_BYTES, stop - at)).count(b"\n") for at in starts)


@contextmanager
def open_file(path: Path, name: str) -> Iterator[TextSource]:
    """Open the plain text at `path`; messages call it `name`."""
    with path.open("rb") as file:
        yield _source_of_file(name, file.fileno())


def unpack(path: Path, folder: Path, keep: int) -> TextSource:
    """Decompress the text at `path` into memory, beyond `keep` bytes into an unlinked file in `folder`.

    Raises
    ------
    BadInputError
        If the file is broken, or its text does not fit into the scratch space.
    """
    text, pieces = bytearray(), _unpacked_pieces(path)
    for piece in pieces:
        text += piece
        if len(text) > keep:
            return _spilled(path.name, chain([text], pieces), folder)
    return TextSource(path.name, len(text), partial(_copied, memoryview(text)))


def open_beginning(path: Path, most: int) -> tuple[TextSource, bool]:
    """Return the first `most` bytes of the text at `path`, up to a line end, and whether that is all of it.

    A packed file may lack its end: the rest of it is on its way.

    Raises
    ------
    BadInputError
        If the file is broken from the first on.
    """
    text, is_whole = bytearray(), True
    try:
        for piece in _unpacked_pieces(path):
            text += piece
            if len(text) > most:
                is_whole = False
                break
    except BadInputError:
        if not text:
            raise
        is_whole = False
    if not is_whole:
        end = max(text.rfind(mark, 0, most) for mark in (b"\n", b"\r"))
        del text[end + 1 if end >= 0 else most :]
    return TextSource(path.name, len(text), partial(_copied, memoryview(text))), is_whole


def coding_of(path: Path) -> str | None:
    """Return `gzip` or `utf-16` by the first bytes of a file, None for plain text of UTF-8."""
    with path.open("rb") as file:
        head = file.read(4)
    if head.startswith(_GZIP):
        return "gzip"
    return "utf-16" if _is_utf_16(head) else None


def _is_utf_16(head: bytes) -> bool:
    return head.startswith(_UTF_16) and head[2:4] != b"\0\0"  # else UTF-32


def decode_to(path: Path, place: Path) -> None:
    """Decompress the text at `path` into the file `place`, piece by piece; a broken file is bad input."""
    with open_atomically(place, durable=False) as file:
        _write(path.name, _unpacked_pieces(path), file, place.parent)


def _unpacked_pieces(path: Path) -> Iterator[bytes]:
    """Yield the text in UTF-8 piece by piece; an exception of the consumer is not reported as bad input."""
    pieces = _raw_pieces(path)
    first = next(pieces, b"")
    if not _is_utf_16(first[:4]):
        yield from chain([first], pieces)
        return
    decoder = codecs.getincrementaldecoder("utf-16")()
    with unreadable_as_bad_input(path.name, "UTF-16"):
        for piece in chain([first], pieces):
            yield decoder.decode(piece).encode()
        decoder.decode(b"", final=True)


def _raw_pieces(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file, decompressed if they begin as those of gzip."""
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
    kind, opener = ("gzip", gzip.open) if packed else ("text", Path.open)
    with unreadable_as_bad_input(path.name, kind), opener(path, "rb") as file:
        while piece := file.read(_UNPACKED_AT_ONCE):
            yield piece


def _spilled(name: str, pieces: Iterable[Buffer], folder: Path) -> TextSource:
    """Return the source of an unlinked scratch file in `folder`, which is closed with the source."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryFile(dir=folder) as file:
        _write(name, pieces, file, folder)
        file.flush()
        descriptor = os.dup(file.fileno())
    source = _source_of_file(name, descriptor)
    finalize(source, os.close, descriptor)
    return source


def _write(name: str, pieces: Iterable[Buffer], file: IO[bytes], folder: Path) -> None:
    """Write a text that fits into the room in `folder`."""
    size, (room, limit) = 0, _room(folder)
    for piece in pieces:
        size += len(piece)
        if size > room:
            raise BadInputError(
                f"{name}: decompressed, it takes more than {room:,} bytes, {limit}; use a smaller table, or"
                " make room"
            )
        file.write(piece)


def _room(folder: Path) -> tuple[int, str]:
    """Return the bytes that a text may take in `folder`, so that it cannot fill the filesystem, and why."""
    half, largest = shutil.disk_usage(folder).free // 2, resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if largest != resource.RLIM_INFINITY and largest < half:
        return largest, "the limit of a file here"
    return half, "half of the free space for scratch files"


def _source_of_file(name: str, descriptor: int) -> TextSource:
    return TextSource(name, os.fstat(descriptor).st_size, partial(_filled, descriptor))


def _filled(descriptor: int, buffer: memoryview, start: int) -> int:
    return os.preadv(descriptor, [buffer], start)


def _copied(text: memoryview, buffer: memoryview, start: int) -> int:
    found = text[start : start + len(buffer)]
    buffer[: len(found)] = found
    return len(found)
