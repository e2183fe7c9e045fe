"""Shared parsing of a CSV table: each rank parses and writes a part of the rows, and reads columns of all."""

import shutil
from collections.abc import Callable
from functools import partial
from typing import IO

import numpy as np

from hpc_kernels.arrays import Array
from hpc_kernels.errors import BadInputError
from hpc_kernels.files import open_atomically
from hpc_kernels.ranks.group import Ranks
from hpc_kernels.tables.csv import reader
from hpc_kernels.tables.csv.odd_times import refuse_odd_times
from hpc_kernels.tables.csv.scratch_lines import ScratchLines
from hpc_kernels.tables.csv.table import CsvTable
from hpc_kernels.tables.csv.text import TableText
from hpc_kernels.tables.memory import allocate_signals
from hpc_kernels.tables.missing import drop_rows, fill_missing
from hpc_kernels.tables.reading_options import ReadingOptions
from hpc_kernels.tables.time_column import Opener, TimeColumn


class SharedRows:
    """Reader of columns of a CSV table; each rank parses its part of the rows in `steps` to save memory.

    `dropped` and `filled` count the rows and the cells of this rank that a missing number has changed.
    """

    def __init__(self, text: TableText, ranks: Ranks, threads: int, options: ReadingOptions) -> None:
        self._text, self._ranks, self._threads, self._options = text, ranks, threads, options
        self._written = False
        self._times: TimeColumn | None = None
        self.dropped = self.filled = 0

    def read(self, share: Callable[[int], range], steps: int) -> tuple[CsvTable, Array, TimeColumn | None]:
        """Return the open table, the signals of a share as an array (signals, samples), and the times.

        Raises
        ------
        BadInputError
            With file, row, column and the expected value; rows count from 1, the header included.
        StoppedError
            If another rank has failed.
        """
        parts = self._ranks.size * steps
        with reader.open_csv(self._text, self._options) as text:
            table = text.table
            own = share(len(table.names))
            if parts == 1:
                rows = self._without_dropped(text.rows(threads=self._threads))
                signals = rows.signals[own.start : own.stop]
                times: list[Opener] = [lines.open for lines in rows.times]
            else:
                self._write_parts(text, steps)
                signals = self._columns(own, parts)
                times = [partial(self._open_times, i) for i in range(parts)]
        if not signals.shape[1]:
            raise BadInputError(
                f"{table.file}: every row has a missing number; params.table.missing drops all"
            )
        if self._options.missing in {"interpolate", "previous"}:
            names = table.names[own.start : own.stop]
            self.filled += fill_missing(table.file, list(names), signals, self._options.missing)
        return table, signals, self._time_column(table, times)

    def _time_column(self, table: CsvTable, files: list[Opener]) -> TimeColumn | None:
        """Return the times; the first rank refuses cells that are none in a column that was not named."""
        if self._times or table.form is None or table.form.time < 0:
            return self._times
        self._times = TimeColumn(table.time_name, table.time_order, files)
        if not (self._ranks.rank or self._options.time_column):
            refuse_odd_times(table, self._times, dropped=self._options.missing == "drop")
        return self._times

    def _write_parts(self, text: reader.CsvReader, steps: int) -> None:
        """Write this rank's parts for all ranks, once."""
        ranks = self._ranks
        if self._written:
            return
        for part in range(ranks.rank * steps, (ranks.rank + 1) * steps):
            rows = self._without_dropped(text.rows(part, ranks.size * steps, self._threads))
            if text.table.time_name or rows.times:
                self._put_times(part, rows.times)
            ranks.put(f"rows.{part}", rows.signals)
        self._written = True

    def _put_times(self, part: int, times: list[ScratchLines]) -> None:
        with open_atomically(self._ranks.path(f"times.{part}"), durable=False) as file:
            for lines in times:
                with lines.open() as written:
                    shutil.copyfileobj(written, file)

    def _open_times(self, part: int) -> IO[bytes]:
        return self._ranks.wait_for(f"times.{part}").open("rb")

    def _without_dropped(self, rows: reader.ParsedRows) -> reader.ParsedRows:
        """Return the rows without those that have a missing number, if these are to be dropped."""
        if self._options.missing != "drop":
            return rows
        signals, kept = drop_rows(rows.signals)
        self.dropped += int(np.count_nonzero(~kept))
        if len(kept) == signals.shape[1] or not rows.times:
            return reader.ParsedRows(signals, rows.times)
        stays, left = iter(kept.tolist()), ScratchLines(self._text.folder)
        for lines in rows.times:
            with lines.open() as file:
                left.write(b"".join(line for line in file if next(stays)))
        return reader.ParsedRows(signals, [left])

    def _columns(self, own: range, parts: int) -> Array:
        """Assemble some columns part by part, so that one file at a time is in memory."""
        files = [self._ranks.wait_for(f"rows.{part}") for part in range(parts)]
        ends = np.cumsum([np.load(file, mmap_mode="r").shape[1] for file in files])
        signals = allocate_signals(self._text.path.name, len(own), int(ends[-1]))
        for file, end in zip(files, ends, strict=True):
            rows = np.load(file, mmap_mode="r")[own.start : own.stop]
            signals[:, end - rows.shape[1] : end] = rows
        return signals
