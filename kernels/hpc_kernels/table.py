"""The input table, whatever its file format: names of all signals, and this rank's share of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpc_kernels import asset_pairs, csv_input, npy_input, parquet_input
from hpc_kernels.arrays import Array
from hpc_kernels.errors import BadInputError, cell

Share = Callable[[int], range]
_WITHOUT_HEADER = {".npy", ".parquet"}


@dataclass(frozen=True)
class Table:
    """Signals as rows: `names` of all in the input, `signals` (share, samples) in double precision.

    `last_dates` (of the share) are known for asset pairs only, whose shorter series end in nan.
    """

    names: list[str]
    signals: Array
    input_bytes: int
    last_dates: list[str] | None = None


def read_table(path: Path, share: Share, layout: str = "sensor_table", threads: int = 1) -> Table:
    """Read a table; `share` says which of so many signals this rank keeps."""
    if not path.is_file():
        raise BadInputError(f"{path}: there is no such file")
    try:
        if layout == "asset_pairs":
            pairs = asset_pairs.read(path, share)
            return Table(pairs.names, pairs.prices, path.stat().st_size, pairs.last_dates)
        names, signals = _read_sensors(path, share, threads)
    except PermissionError as error:
        raise BadInputError(f"{path}: this account may not read it") from error
    return Table(names, signals, path.stat().st_size)


def rounded(path: Path, table: Table, kind: str, first: int) -> Array:
    """Return the signals, before which the file has `first`, in precision `kind`; else bad input."""
    if table.signals.dtype == kind:
        return table.signals
    with np.errstate(over="ignore"):
        signals = table.signals.astype(kind)
    if np.isinf(signals).any():
        raise _first_beyond(path, table, range(first, first + len(signals)))
    return signals


def _first_beyond(path: Path, table: Table, own: range) -> BadInputError:
    """Return what is to be said of the first number of the whole file that is beyond single precision."""
    layout = "sensor_table" if table.last_dates is None else "asset_pairs"
    columns, step = range(len(table.names)), len(own)
    others = [
        side[at : at + step]
        for side in (columns[: own.start], columns[own.stop :])
        for at in range(0, len(side), step)
    ]
    beyond = _beyond(table.signals, own)
    for some in others:
        beyond += _beyond(_some(path, layout, some), some)
    row, column, value = min(beyond)
    name = table.names[column]
    if layout == "asset_pairs":
        row, column = row + asset_pairs.HEADER_ROWS, 2 * column + 1
    elif path.suffix.lower() not in _WITHOUT_HEADER:
        row += 1 + sum(name.count("\n") for name in table.names)
    return BadInputError(f"{cell(path.name, row + 1, column, name)}: {value} is beyond single precision")


def _some(path: Path, layout: str, columns: range) -> Array:
    return read_table(path, lambda _total: columns, layout).signals


def _beyond(signals: Array, columns: range) -> list[tuple[int, int, float]]:
    """Return row, column and value of the first number that is beyond single precision, if there is one."""
    with np.errstate(over="ignore"):
        lost = np.argwhere(np.isinf(signals.astype(np.float32).T))[:1]
    return [(int(row), columns[column], float(signals[column, row])) for row, column in lost]


def _read_sensors(path: Path, share: Share, threads: int) -> tuple[list[str], Array]:
    if path.suffix.lower() == ".parquet":
        return parquet_input.read(path, share)
    if path.suffix.lower() == ".npy":
        return npy_input.read(path, share)
    return csv_input.read(path, share, threads)
