"""Parsers of consecutive rows into the columns of the signals: plain rows, and rows of a form."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hpc_kernels.arrays import Array
from hpc_kernels.jit.byte_intrinsics import TEXT_PADDING
from hpc_kernels.tables.csv.chosen_rows import parse_chosen_rows
from hpc_kernels.tables.csv.form import RowForm
from hpc_kernels.tables.csv.pieces import LINE_END, Piece
from hpc_kernels.tables.csv.rows import ROWS_PER_BATCH, START_PADDING, parse_rows
from hpc_kernels.tables.csv.scratch_lines import ScratchLines
from hpc_kernels.tables.csv.strict import parse_row_strictly
from hpc_kernels.tables.csv.strict_chosen import parse_chosen_strictly

_WIDE = 1 << 18  # columns: a single row of them is large


def scratch_space(columns: int, width: int) -> tuple[Any, ...]:
    """Return block, starts, digits and powers, the scratch space of the compiled parsers."""
    return (
        np.empty((ROWS_PER_BATCH if columns < _WIDE else 1, columns)),
        np.empty(width + START_PADDING, np.int64),
        np.empty(columns + START_PADDING, np.uint64),
        np.empty(columns + START_PADDING, np.int64),
    )


class PlainRows:
    """Parser of plain rows; a row that is not plain is parsed strictly, which raises at a bad cell."""

    def __init__(self, file: str, separator: bytes, names: Sequence[str], signals: Array, row: int) -> None:
        self._file, self._separator, self._names = file, separator, names
        self._signals, self._row = signals, row
        self._room = scratch_space(len(names), len(names))

    def parse(self, piece: Piece, stop: int, first_row: int) -> None:
        """Parse whole rows; `first_row` is the number of the row of the first sample in the file."""
        at = TEXT_PADDING
        while at < stop:
            place = self._separator[0], self._signals, self._row
            done, at = parse_rows(piece.text, at, stop, *place, *self._room)
            self._row += done
            if at < stop:
                end = piece.bytes.index(LINE_END, at)
                self._signals[:, self._row] = parse_row_strictly(
                    self._file,
                    first_row + self._row,
                    bytes(memoryview(piece.bytes)[at:end]),  # without a name, so that it is freed there
                    self._separator,
                    self._names,
                )
                self._row, at = self._row + 1, end + 1


class ChosenRows:
    """Parser of rows of a form; `times` receives the cells of the time column, a line each."""

    def __init__(
        self,
        file: str,
        form: RowForm,
        names: Sequence[str],
        signals: Array,
        row: int,
        times: ScratchLines | None,
    ) -> None:
        self._file, self._form, self._names = file, form, names
        self._signals, self._row, self._times = signals, row, times
        self._copied = np.empty(0, np.uint8)
        block, starts, *rest = scratch_space(len(form.kept), form.width)
        self._room = (
            block,
            starts,
            np.empty(len(form.kept) + START_PADDING, np.int64)[: len(form.kept)],
            *rest,
        )

    def parse(self, piece: Piece, stop: int, first_row: int) -> None:
        """Parse whole rows; `first_row` is the number of the row of the first sample in the file."""
        if self._form.time >= 0 and len(self._copied) < len(piece.text):
            self._copied = np.empty(len(piece.text), np.uint8)
        at = TEXT_PADDING
        while at < stop:
            at = self._parse_some(piece, at, stop)
            if at < stop:
                end = piece.bytes.index(LINE_END, at)
                line = bytes(memoryview(piece.bytes)[at:end])
                self._parse_strictly(first_row + self._row, line)
                at = end + 1

    def _parse_some(self, piece: Piece, at: int, stop: int) -> int:
        form = self._form
        marks = form.separator[0], form.decimal[0], form.time, int(form.fills)
        given: tuple[Any, ...] = (
            *(*marks, form.kept_columns, form.other_columns),
            *(self._signals, self._row, self._copied, *self._room),
        )
        done, at, written = parse_chosen_rows(piece.text, at, stop, *given)
        self._row += done
        if self._times:
            self._times.write(self._copied[:written].data)
        return at

    def _parse_strictly(self, row: int, line: bytes) -> None:
        numbers, time = parse_chosen_strictly(self._file, row, line, self._form, self._names)
        self._signals[:, self._row] = numbers
        self._row += 1
        if self._times:
            self._times.write(time.removesuffix(b"\r") + b"\n")
