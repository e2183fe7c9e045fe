"""Reader of CSV sensor tables: ranks and their threads parse byte ranges of whole rows into signals.

The text is read through buffers and never in memory as a whole.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from hpc_kernels.arrays import Array, map_on_threads
from hpc_kernels.errors import BadInputError
from hpc_kernels.jit.byte_intrinsics import TEXT_PADDING
from hpc_kernels.reports.progress import Progress
from hpc_kernels.tables.bounds import LONGEST_ROW
from hpc_kernels.tables.csv.header import parse_header, read_header
from hpc_kernels.tables.csv.rows import ROWS_PER_BATCH, START_PADDING, count_lines, parse_rows
from hpc_kernels.tables.csv.source import BUFFER_BYTES, TextSource
from hpc_kernels.tables.csv.strict import parse_row_strictly
from hpc_kernels.tables.csv.text import TableText
from hpc_kernels.tables.memory import allocate_signals
from hpc_kernels.tables.names import SignalNames

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LINE_END = ord("\n")
_WIDE = 1 << 18  # columns: a single row of them is large
_ROOM_OF_COLUMN = 128  # bytes per thread: more threads would need more memory than the table


@dataclass(frozen=True)
class CsvTable:
    """An open CSV table: source, names of the signals, byte range of the rows, and separator."""

    source: TextSource
    names: SignalNames
    start: int
    stop: int
    first_row: int
    separator: bytes

    def rows(self, part: int = 0, parts: int = 1, threads: int = 1) -> Array:
        """Return the rows that begin in one of `parts` equal parts of the text, as (signals, samples).

        Raises
        ------
        BadInputError
            With file, row, column and the expected value; rows count from 1, the header included.
        """
        size = self.stop - self.start
        start, stop = (_next_row(self, self.start + size * i // parts) for i in (part, part + 1))
        places, signals = _plan(self, start, stop, threads)
        try:
            map_on_threads(lambda place: _parse_range(self, signals, *place), places)
        except BadInputError as error:
            said = str(error)
        else:
            return signals
        _raise_first_error(self)  # the error and the arrays of its frames are gone
        raise BadInputError(said)


@contextmanager
def open_csv(text: TableText) -> Iterator[CsvTable]:
    """Open the table of a text and read its header.

    Raises
    ------
    BadInputError
        If there is no header or no row.
    """
    with text.open() as source:
        yield _read_table_header(source)


def _read_table_header(source: TextSource) -> CsvTable:
    file = source.file
    start = len(_BYTE_ORDER_MARK) if source.read_at(0, 3) == _BYTE_ORDER_MARK else 0
    stop = source.find_end(start)
    if start == stop:
        raise BadInputError(f"{file}: expected a header and samples, found an empty file")
    header = read_header(source, start, stop)
    names, separator = parse_header(file, header)
    body = start + len(header)
    first_row = header.count(b"\n") + (not header.endswith(b"\n")) + 1
    if body >= stop:
        raise BadInputError(f"{file}: row {first_row}: expected at least one sample, found none")
    return CsvTable(source, names, body, stop, first_row, separator)


def _plan(text: CsvTable, start: int, stop: int, threads: int) -> tuple[list[tuple[int, int, int]], Array]:
    """Return start, stop and first row of the range of each thread, and the array of all rows."""
    threads = min(threads, (stop - start) // max(BUFFER_BYTES, _ROOM_OF_COLUMN * len(text.names)) + 1)
    bounds = [_next_row(text, start + (stop - start) * i // threads) for i in range(1, threads)]
    ranges = [pair for pair in pairwise([start, *bounds, stop]) if pair[0] < pair[1]]
    lines = map_on_threads(lambda pair: _lines(text, *pair), ranges)
    first_rows = accumulate([0, *lines])
    if sum(lines) > _most_rows(text, stop - start):
        _raise_first_error(text)
    signals = allocate_signals(text.source.file, len(text.names), sum(lines))
    return [(*pair, row) for pair, row in zip(ranges, first_rows, strict=False)], signals


def _most_rows(text: CsvTable, size: int) -> int:
    """Return the most rows in `size` bytes: a cell takes two; a text of more lines has a short row."""
    return (size + 1) // (2 * len(text.names))


def _raise_first_error(text: CsvTable) -> None:
    """Raise the error of the first bad cell of the file, maybe in the range of another rank or thread."""
    row = text.first_row
    for piece, end in _pieces(text, text.start, text.stop):
        lines = count_lines(piece.text, TEXT_PADDING, end)
        rows = min(lines, _most_rows(text, end - TEXT_PADDING))
        _Rows(replace(text, first_row=row), np.empty((len(text.names), rows)), 0).parse(piece, end)
        row += lines


def _next_row(text: CsvTable, at: int) -> int:
    """Return the start of the first row that begins at or after `at`."""
    return text.start if at <= text.start else text.source.find_line_end(at - 1, text.stop)


def _lines(text: CsvTable, start: int, stop: int) -> int:
    """Return the number of rows between the starts of two rows; the last may lack its line break."""
    piece, lines = _Piece(min(BUFFER_BYTES, stop - start)), 0
    while start < stop:
        end = piece.fill(text, start, stop)
        lines += count_lines(piece.text, TEXT_PADDING, end)
        start += end - TEXT_PADDING
    return lines + (stop == text.stop)


class _Piece:
    """A buffer for a part of the text, with `TEXT_PADDING` before and after it."""

    def __init__(self, size: int) -> None:
        self.bytes = bytearray(size + 2 * TEXT_PADDING)
        self.text = np.frombuffer(self.bytes, np.uint8)
        self._inside = memoryview(self.bytes)[TEXT_PADDING : TEXT_PADDING + size]

    def fill(self, text: CsvTable, start: int, stop: int) -> int:
        """Read the text from `start` on, at most to `stop`; return its end in the buffer."""
        if found := text.source.fill(self._inside[: stop - start], start):
            return TEXT_PADDING + found
        raise BadInputError(f"{text.source.file}: became shorter while it was read")


def _parse_range(text: CsvTable, signals: Array, start: int, stop: int, row: int) -> None:
    """Parse the rows between two bytes into ``signals[:, row:]``, piece by piece."""
    at, progress, rows = start, Progress(f"{text.source.file}: read"), _Rows(text, signals, row)
    for piece, end in _pieces(text, start, stop):
        rows.parse(piece, end)
        at += end - TEXT_PADDING
        if start == text.start:  # the first range reports for all
            progress.report(at - start, stop - start)


def _pieces(text: CsvTable, start: int, stop: int) -> Iterator[tuple[_Piece, int]]:
    """Yield buffers filled with whole rows between two bytes, and the end of the text in each."""
    size = min(BUFFER_BYTES, stop - start)
    piece = _Piece(size)
    while start < stop:
        end = piece.fill(text, start, stop)
        if start + end - TEXT_PADDING == text.stop:
            piece.bytes[end] = _LINE_END  # the last row lost its own with the blank text at the end
            end += 1
        whole = piece.bytes.rfind(_LINE_END, TEXT_PADDING, end) + 1
        if whole:
            yield piece, whole
            start += whole - TEXT_PADDING
        else:  # a row longer than the piece; the next ones may be a little longer
            size = _row_size(text, start, size) * 9 // 8
            piece = _Piece(size)


def _row_size(text: CsvTable, start: int, size: int) -> int:
    """Return the size of a row that is longer than `size` bytes."""
    length = _next_row(text, start + size) - start
    if length > LONGEST_ROW:
        raise BadInputError(
            f"{text.source.file}: the row that begins at byte {start + 1:,} has {length:,} bytes; expected at"
            f" most {LONGEST_ROW:,}"
        )
    return length


class _Rows:
    """Parser of consecutive rows into the columns of the signals."""

    def __init__(self, text: CsvTable, signals: Array, row: int) -> None:
        self._text, self._signals, self._row = text, signals, row
        columns = len(text.names)
        starts, powers = np.empty((2, columns + START_PADDING), np.int64)
        self._room: tuple[Any, ...] = (
            np.empty((ROWS_PER_BATCH if columns < _WIDE else 1, columns)),
            starts,
            np.empty(columns + START_PADDING, np.uint64),
            powers,
        )

    def parse(self, piece: _Piece, stop: int) -> None:
        """Parse whole rows; a row that is not plain is parsed strictly, which raises at a bad cell."""
        at, text = TEXT_PADDING, self._text
        while at < stop:
            place = text.separator[0], self._signals, self._row
            done, at = parse_rows(piece.text, at, stop, *place, *self._room)
            self._row += done
            if at < stop:
                end = piece.bytes.index(_LINE_END, at)
                row = text.first_row + self._row
                self._signals[:, self._row] = parse_row_strictly(
                    text.source.file,
                    row,
                    bytes(memoryview(piece.bytes)[at:end]),  # without a name, so that it is freed there
                    text.separator,
                    text.names,
                )
                self._row, at = self._row + 1, end + 1
