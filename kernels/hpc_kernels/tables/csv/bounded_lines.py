"""Lines of a text for the csv module: those of one row are bounded in bytes and in separators."""

import io
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

from hpc_kernels.errors import BadInputError
from hpc_kernels.tables.bounds import LONGEST_ROW, MOST_COLUMNS
from hpc_kernels.tables.csv.source import BUFFER_BYTES, TextSource

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class BoundedLines:
    """An iterator over decoded lines; `begin_row` starts the count anew for the next row.

    Raises
    ------
    BadInputError
        If one row, which quoted line breaks may extend over many lines, is beyond a bound.
    """

    def __init__(self, file: BinaryIO, name: str, separator: bytes, errors: str = "strict") -> None:
        self._file, self._name, self._separator, self._errors = file, name, separator, errors
        self._row = self._bytes = self._separators = 0

    def begin_row(self) -> None:
        """Count the bytes and the separators of the next row."""
        self._row += 1
        self._bytes = self._separators = 0

    def __iter__(self) -> Iterator[str]:
        self.begin_row()
        first = True
        for line in iter(partial(self._file.readline, LONGEST_ROW), b""):
            self._count(line)
            text = line.removeprefix(_BYTE_ORDER_MARK) if first else line
            first = False
            yield text.decode("utf-8", self._errors)

    def _count(self, line: bytes) -> None:
        self._bytes += len(line)
        self._separators += line.count(self._separator)
        if self._bytes >= LONGEST_ROW:
            raise BadInputError(f"{self._name}: row {self._row}: expected fewer than {LONGEST_ROW:,} bytes")
        if self._separators > MOST_COLUMNS:
            raise BadInputError(f"{self._name}: row {self._row}: expected at most {MOST_COLUMNS:,} columns")


def open_lines(source: TextSource, separator: bytes) -> BoundedLines:
    """Return the lines of a text source."""
    file = io.BufferedReader(_RawSource(source), BUFFER_BYTES)
    return BoundedLines(file, source.file, separator)


class _RawSource(io.RawIOBase):
    """A text source as an unbuffered file."""

    def __init__(self, source: TextSource) -> None:
        self._source, self._at = source, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the reader passes a memoryview
        found = self._source.fill(buffer, self._at)
        self._at += found
        return found
