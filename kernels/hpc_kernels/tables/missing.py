"""Missing numbers of signals, which are nan: interpolated, filled from before, or dropped with their rows."""

import numpy as np
from numpy.typing import NDArray

from hpc_kernels.arrays import Array
from hpc_kernels.errors import BadInputError


def fill_missing(file: str, names: list[str], signals: Array, how: str) -> int:
    """Fill the nan of each signal in place, and return their number.

    `interpolate` is linear between neighbours and repeats the nearest number at the ends; `previous` repeats
    the number before, at the beginning the first one.

    Raises
    ------
    BadInputError
        If a signal has no number.
    """
    filled = 0
    for name, signal in zip(names, signals, strict=True):
        missing = np.isnan(signal)
        if not (count := int(np.count_nonzero(missing))):
            continue
        if count == len(signal):
            raise BadInputError(
                f"{file}: signal {name!r} has no number at all; leave it out with params.table.skip"
            )
        known = np.flatnonzero(~missing)
        places = np.flatnonzero(missing)
        if how == "interpolate":
            signal[places] = np.interp(places, known, signal[known])
        else:
            before = np.searchsorted(known, places) - 1
            signal[places] = signal[known[np.maximum(before, 0)]]
        filled += count
    return filled


def drop_rows(signals: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Return the signals without the rows that have a nan, in the same memory, and which rows are kept."""
    kept = np.ones(signals.shape[1], bool)
    for signal in signals:
        kept &= ~np.isnan(signal)
    samples = int(np.count_nonzero(kept))
    if samples == len(kept):
        return signals, kept
    flat = signals.reshape(-1)
    for i in range(len(signals)):
        flat[i * samples : (i + 1) * samples] = signals[i][kept]
    return flat[: len(signals) * samples].reshape(len(signals), samples), kept
