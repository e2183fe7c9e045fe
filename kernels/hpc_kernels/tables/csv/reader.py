"""Reader of CSV sensor tables: ranks and their threads parse byte ranges of whole rows into signals.

The text is read through buffers and never in memory as a whole.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np

from hpc_kernels.arrays import Array, map_on_threads
from hpc_kernels.errors import BadInputError
from hpc_kernels.jit.byte_intrinsics import TEXT_PADDING
from hpc_kernels.reports.progress import Progress
from hpc_kernels.tables.csv import source as sources
from hpc_kernels.tables.csv.judge import open_table
from hpc_kernels.tables.csv.row_parsers import ChosenRows, PlainRows
from hpc_kernels.tables.csv.rows import count_lines
from hpc_kernels.tables.csv.scratch_lines import ScratchLines
from hpc_kernels.tables.csv.table import CsvTable
from hpc_kernels.tables.csv.text import TableText
from hpc_kernels.tables.memory import allocate_signals
from hpc_kernels.tables.reading_options import AS_BEFORE, ReadingOptions

_ROOM_OF_COLUMN = 128  # bytes per thread: more threads would need more memory than the table


@dataclass(frozen=True)
class ParsedRows:
    """Signals (signals, samples) of some rows, and the files with their times, a line each."""

    signals: Array
    times: list[ScratchLines]


class CsvReader:
    """Reader of the rows of an open table; `folder` is for scratch files."""

    def __init__(self, table: CsvTable, folder: Path) -> None:
        self.table, self._folder = table, folder

    def rows(self, part: int = 0, parts: int = 1, threads: int = 1) -> ParsedRows:
        """Return the rows that begin in one of `parts` equal parts of the text.

        Raises
        ------
        BadInputError
            With file, row, column and the expected value; rows count from 1, the header included.
        """
        text = self.table.text
        size = text.stop - text.start
        start, stop = (text.next_row(text.start + size * i // parts) for i in (part, part + 1))
        places, signals = self._plan(start, stop, threads)
        try:
            times = map_on_threads(lambda place: self._parse_range(signals, *place), places)
        except BadInputError as error:
            said = str(error)
        else:
            return ParsedRows(signals, [lines for lines in times if lines])
        self._raise_first_error()  # the error and the arrays of its frames are gone
        raise BadInputError(said)

    def blocks(self, times: ScratchLines | None = None) -> Iterator[Array]:
        """Yield the signals (signals, samples) of all rows, a piece of the text at a time.

        `times` receives the cells of the time column.
        """
        text, row = self.table.text, self.table.first_row
        for piece, end in text.pieces(text.start, text.stop):
            lines = count_lines(piece.text, TEXT_PADDING, end)
            rows = min(lines, self._most_rows(end - TEXT_PADDING))  # of more lines one is short
            signals = np.empty((len(self.table.names), rows))
            self._parser(signals, 0, times).parse(piece, end, row)
            row += lines
            yield signals

    def _plan(self, start: int, stop: int, threads: int) -> tuple[list[tuple[int, int, int]], Array]:
        """Return start, stop and first row of the range of each thread, and the array of all rows."""
        text, columns = self.table.text, len(self.table.names)
        threads = min(threads, (stop - start) // max(sources.BUFFER_BYTES, _ROOM_OF_COLUMN * columns) + 1)
        bounds = [text.next_row(start + (stop - start) * i // threads) for i in range(1, threads)]
        ranges = [pair for pair in pairwise([start, *bounds, stop]) if pair[0] < pair[1]]
        lines = map_on_threads(lambda pair: text.count(*pair), ranges)
        first_rows = accumulate([0, *lines])
        if sum(lines) > self._most_rows(stop - start):
            self._raise_first_error()
        signals = allocate_signals(self.table.file, columns, sum(lines))
        return [(*pair, row) for pair, row in zip(ranges, first_rows, strict=False)], signals

    def _most_rows(self, size: int) -> int:
        """Return the most rows in `size` bytes; a text of more lines has a short row."""
        return (size + 1) // self.table.least_cells

    def _raise_first_error(self) -> None:
        """Raise the error of the first bad cell of the file, maybe in the range of another rank or thread."""
        text, row = self.table.text, self.table.first_row
        for piece, end in text.pieces(text.start, text.stop):
            lines = count_lines(piece.text, TEXT_PADDING, end)
            rows = min(lines, self._most_rows(end - TEXT_PADDING))
            self._parser(np.empty((len(self.table.names), rows)), 0, None).parse(piece, end, row)
            row += lines

    def _parse_range(self, signals: Array, start: int, stop: int, row: int) -> ScratchLines | None:
        """Parse the rows between two bytes into ``signals[:, row:]``, piece by piece; return their times."""
        text, progress = self.table.text, Progress(f"{self.table.file}: read")
        times, at = self._scratch(), start
        rows = self._parser(signals, row, times)
        for piece, end in text.pieces(start, stop):
            rows.parse(piece, end, self.table.first_row)
            at += end - TEXT_PADDING
            if start == text.start:  # the first range reports for all
                progress.report(at - start, stop - start)
        return times

    def _scratch(self) -> ScratchLines | None:
        form = self.table.form
        if form is None or form.time < 0:
            return None
        return ScratchLines(self._folder)

    def _parser(self, signals: Array, row: int, times: ScratchLines | None) -> PlainRows | ChosenRows:
        table = self.table
        if table.form is None:
            return PlainRows(table.file, table.separator, table.names, signals, row)
        return ChosenRows(table.file, table.form, table.columns, signals, row, times)


@contextmanager
def open_csv(text: TableText, options: ReadingOptions = AS_BEFORE) -> Iterator[CsvReader]:
    """Open the table of a text, judge its first rows, and return the reader of all of them.

    Raises
    ------
    BadInputError
        If there is no table, or it can be understood in two ways.
    """
    with text.open() as source:
        yield CsvReader(open_table(source, options), text.folder)
