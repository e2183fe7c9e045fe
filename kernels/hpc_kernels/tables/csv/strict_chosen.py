"""Strict parser of one CSV row of a form, with an error that names the cell and the option that helps."""

import math
from collections.abc import Sequence

import numpy as np

from hpc_kernels.arrays import Array
from hpc_kernels.errors import BadInputError, cell_place
from hpc_kernels.tables.csv.cells import split_cells, unquoted, without_trailing
from hpc_kernels.tables.csv.form import BLANKS, RowForm
from hpc_kernels.tables.csv.missing_words import is_missing
from hpc_kernels.tables.csv.strict import parse_cell, width_hint, wrong_width


def parse_chosen_strictly(
    file: str, row: int, line: bytes, form: RowForm, names: Sequence[str]
) -> tuple[Array, bytes]:
    """Return the numbers of the chosen cells of one row, and its time.

    Raises
    ------
    BadInputError
        At the first chosen cell that is not a finite number, or for a wrong number of cells.
    """
    cells = split_cells(line, form.separator)
    if len(cells) == form.width + 1:
        cells = without_trailing(cells)
    if len(cells) != form.width:
        raise _wrong_width(file, row, line, cells, form, names)
    if b'"' in line:
        _refuse_open_quote(file, row, cells, names)
    numbers = (_number(cell_place(file, row, i, names[i]), cells[i], form) for i in form.kept)
    return np.fromiter(numbers, np.float64, len(form.kept)), cells[form.time] if form.time >= 0 else b""


def _refuse_open_quote(file: str, row: int, cells: list[bytes], names: Sequence[str]) -> None:
    """Raise `BadInputError` for a quoted text without an end: the next line may belong to it."""
    for i, cell in enumerate(cells):
        if cell.lstrip().startswith(b'"') and cell.count(b'"') % 2:
            where = cell_place(file, row, i, names[i])
            raise BadInputError(
                f"{where}: expected the end of a quoted text in the same line, found none; write texts"
                " without line breaks"
            )


def _number(where: str, cell: bytes, form: RowForm) -> float:
    if form.fills and is_missing(unquoted(cell)):
        return math.nan
    return parse_cell(where, cell, form.separator, form.decimal)


def _wrong_width(
    file: str, row: int, line: bytes, cells: list[bytes], form: RowForm, names: Sequence[str]
) -> BadInputError:
    if form.separator not in {BLANKS, b","}:
        return wrong_width(file, row, line, form.separator, names)
    if not any(map(bytes.strip, cells)):
        return BadInputError(f"{file}: row {row}, column 1: expected {form.width} cells, found a blank line")
    where = f"{file}: row {row}, column {form.width + 1}"
    if len(cells) < form.width:
        where = cell_place(file, row, len(cells), names[len(cells)])
    hint = width_hint(line, names)
    return BadInputError(f"{where}: expected {form.width} cells, found {len(cells)}{hint}")
