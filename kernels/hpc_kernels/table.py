"""The input table, whatever its file format: names of all signals, and this rank's share of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

from hpc_kernels import asset_pairs, csv_input, parquet_input
from hpc_kernels.arrays import Array
from hpc_kernels.errors import BadInputError, whole

Share = Callable[[int], range]


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
            pairs = asset_pairs.read(path)
            mine = share(len(pairs.names))
            kept = slice(mine.start, mine.stop)
            return Table(pairs.names, pairs.prices[kept], path.stat().st_size, pairs.last_dates[kept])
        names, signals = _read_sensors(path, share, threads)
    except PermissionError as error:
        raise BadInputError(f"{path}: this account may not read it") from error
    return Table(names, signals, path.stat().st_size)


def rounded(path: Path, table: Table, kind: str, first: int) -> Array:
    """Return the signals in precision `kind`; what does not fit there is bad input."""
    if table.signals.dtype == kind:
        return table.signals
    with np.errstate(over="ignore"):
        signals = table.signals.astype(kind)
    lost = np.argwhere(np.isinf(signals.T))
    if len(lost):
        row, column = int(lost[0, 0]), int(lost[0, 1])
        where = f"{path.name}: sample {row + 1}, column {first + column + 1}"
        raise BadInputError(f"{where}: {table.signals[column, row]} is beyond single precision")
    return signals


def _read_sensors(path: Path, share: Share, threads: int) -> tuple[list[str], Array]:
    if path.suffix.lower() == ".parquet":
        return parquet_input.read(path, share)
    if path.suffix.lower() == ".npy":
        return _read_npy(path, share)
    return csv_input.read(path, share, threads)


def _read_npy(path: Path, share: Share) -> tuple[list[str], Array]:
    with whole(path.name, ".npy"):
        values = open_memmap(path, mode="r")
    if values.ndim not in {1, 2} or values.dtype.kind not in "fiu" or values.size == 0:
        shape = f"{values.dtype} of shape {values.shape}"
        raise BadInputError(
            f"{path.name}: expected numbers in rows = samples, columns = signals, got {shape}"
        )
    columns = values.reshape(len(values), -1)
    names = [f"signal_{i}" for i in range(columns.shape[1])]
    return names, _finite(path, names, columns, share)


def _finite(path: Path, names: list[str], columns: Array, share: Share) -> Array:
    """Return this rank's columns as contiguous signals; the first cell that is no number ends it."""
    mine = share(len(names))
    signals = np.array(columns[:, mine.start : mine.stop].T, dtype=np.float64, order="C")
    bad = np.argwhere(~np.isfinite(signals.T))
    if len(bad):
        row, column = int(bad[0, 0]), int(bad[0, 1]) + mine.start
        name = names[column]
        raise BadInputError(
            f"{path.name}: row {row + 1}, column {column + 1} ({name!r}): expected a finite number"
        )
    return signals
