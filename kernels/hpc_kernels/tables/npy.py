"""Reader of sensor tables in NumPy files: part by part, so that mapped pages do not stay in memory."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from hpc_kernels.arrays import Array
from hpc_kernels.errors import BadInputError, cell_place, unreadable_as_bad_input
from hpc_kernels.tables.bounds import check_columns
from hpc_kernels.tables.memory import TableSize, allocate_signals

_CELLS_AT_ONCE = 1 << 20
_VERSION, _LENGTH, _LONGEST_HEADER = slice(6, 7), slice(8, 12), 1 << 20  # of versions 2 and 3


def read_npy(path: Path, share: Callable[[int], range]) -> tuple[list[str], Array]:
    """Return the names of all signals and the signals of a share as an array (signals, samples).

    Raises
    ------
    BadInputError
        With file, row, column and the expected value; rows count from 1.
    """
    table = _opened(path)
    samples, columns = table.shape
    mine = share(columns)
    signals = allocate_signals(path.name, len(mine), samples)
    for part, rows, own in _parts(path, mine):
        signals[own.start - mine.start : own.stop - mine.start, rows.start : rows.stop] = part.T
        if not np.isfinite(part).all():
            raise _first_bad(path, range(columns))
    return [f"signal_{i}" for i in range(columns)], signals


def npy_size(path: Path) -> TableSize:
    """Return the size of the table as its header states it."""
    table = _opened(path)
    return TableSize(table.size, table.shape[1])


def _opened(path: Path) -> NDArray[Any]:
    """Map the file into memory as a table of two dimensions."""
    with unreadable_as_bad_input(path.name, ".npy"):
        _check_header(path)
        values = open_memmap(path, mode="r")
    if values.ndim not in {1, 2} or values.dtype.kind not in "fiu" or values.size == 0:
        shape = f"{values.dtype} of shape {values.shape}"
        raise BadInputError(
            f"{path.name}: expected numbers in rows = samples, columns = signals, got {shape}"
        )
    table = values.reshape(len(values), -1)
    check_columns(path.name, table.shape[1])
    return table


def _check_header(path: Path) -> None:
    """Raise ValueError for a header whose claimed length NumPy would take memory for."""
    with path.open("rb") as file:
        start = file.read(_LENGTH.stop)
    length = int.from_bytes(start[_LENGTH], "little")
    if start[_VERSION] > b"\1" and length > _LONGEST_HEADER:
        raise ValueError(f"its header claims {length:,} bytes")


def _parts(path: Path, columns: range) -> Iterator[tuple[NDArray[Any], range, range]]:
    """Yield parts of some columns in the order of the file, with their rows and columns, each mapped anew."""
    table = _opened(path)
    rows = range(len(table))
    if table.flags.c_contiguous:
        for some in _steps(rows, _CELLS_AT_ONCE // table.shape[1]):
            yield _opened(path)[some.start : some.stop, columns.start : columns.stop], some, columns
        return
    for own in _steps(columns, _CELLS_AT_ONCE // len(rows)):
        for some in _steps(rows, _CELLS_AT_ONCE):
            yield _opened(path)[some.start : some.stop, own.start : own.stop], some, own


def _steps(whole: range, step: int) -> Iterator[range]:
    step = max(1, step)
    return (whole[start : start + step] for start in range(0, len(whole), step))


def _first_bad(path: Path, columns: range) -> BadInputError:
    """Return the error of the first cell of the whole table that is not a finite number."""
    row, column, value = min(
        (rows[r], own[c], part[r, c])
        for part, rows, own in _parts(path, columns)
        for r, c in np.argwhere(~np.isfinite(part))[:1]
    )
    where = cell_place(path.name, row + 1, column, f"signal_{column}")
    return BadInputError(f"{where}: expected a finite number, found {value}")
