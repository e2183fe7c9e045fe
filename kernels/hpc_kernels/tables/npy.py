"""Reader of sensor tables in NumPy files: part by part, so that mapped pages do not stay in memory."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from hpc_kernels.arrays import Array
from hpc_kernels.errors import BadInputError, cell_place, unreadable_as_bad_input

_CELLS_AT_ONCE = 1 << 20


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
    signals = np.empty((len(mine), samples))
    for part, rows, own in _parts(path, mine):
        signals[own.start - mine.start : own.stop - mine.start, rows.start : rows.stop] = part.T
        if not np.isfinite(part).all():
            raise _first_bad(path, range(columns))
    return [f"signal_{i}" for i in range(columns)], signals


def _opened(path: Path) -> NDArray[Any]:
    """Map the file into memory as a table of two dimensions."""
    with unreadable_as_bad_input(path.name, ".npy"):
        values = open_memmap(path, mode="r")
    if values.ndim not in {1, 2} or values.dtype.kind not in "fiu" or values.size == 0:
        shape = f"{values.dtype} of shape {values.shape}"
        raise BadInputError(
            f"{path.name}: expected numbers in rows = samples, columns = signals, got {shape}"
        )
    return values.reshape(len(values), -1)


def _parts(path: Path, columns: range) -> Iterator[tuple[NDArray[Any], range, range]]:
    """Yield parts of some columns in the order of the file, with their rows and columns, each mapped anew."""
    table = _opened(path)
    rows, by_row = range(len(table)), table.flags.c_contiguous
    step = max(1, _CELLS_AT_ONCE // table.shape[by_row])
    for start in range(0, len(rows) if by_row else len(columns), step):
        r = rows[start : start + step] if by_row else rows
        c = columns if by_row else columns[start : start + step]
        yield _opened(path)[r.start : r.stop, c.start : c.stop], r, c


def _first_bad(path: Path, columns: range) -> BadInputError:
    """Return the error of the first cell of the whole table that is not a finite number."""
    row, column, value = min(
        (rows[r], own[c], part[r, c])
        for part, rows, own in _parts(path, columns)
        for r, c in np.argwhere(~np.isfinite(part))[:1]
    )
    where = cell_place(path.name, row + 1, column, f"signal_{column}")
    return BadInputError(f"{where}: expected a finite number, found {value}")
