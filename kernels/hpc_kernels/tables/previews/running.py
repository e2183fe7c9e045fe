"""Running extremes of a table that is read once and in pieces: stretches join in pairs as it grows."""

import numpy as np

from hpc_kernels.arrays import Array
from hpc_kernels.tables.previews.extremes import find_extremes


class RunningExtremes:
    """Extremes of the first `signals` signals, in at most `most` stretches of one length, a power of two."""

    def __init__(self, signals: int, most: int) -> None:
        self._most = most
        self._least, self._greatest = np.full((signals, most), np.nan), np.full((signals, most), np.nan)
        self.samples, self.length = 0, 1

    def add(self, block: Array) -> None:
        """Add the next samples (signals, samples); nan is a missing one."""
        start, stop = self.samples, self.samples + block.shape[1]
        while stop > self._most * self.length:
            self._join_pairs()
        first, last = start // self.length, -(-stop // self.length)
        inner = np.arange(first + 1, last) * self.length - start
        bounds = np.concatenate([[0], inner, [stop - start]]).astype(np.int64)
        kept = len(self._least)
        least, greatest = find_extremes([np.ascontiguousarray(block[:kept])], bounds, "float64", kept)
        place = slice(first, last)
        self._least[:, place] = np.fmin(self._least[:, place], least)
        self._greatest[:, place] = np.fmax(self._greatest[:, place], greatest)
        self.samples = stop

    @property
    def sides(self) -> tuple[Array, Array]:
        """The least and the greatest sample of each stretch."""
        count = -(-self.samples // self.length)
        return self._least[:, :count], self._greatest[:, :count]

    @property
    def starts(self) -> Array:
        """The number of the first sample of each stretch."""
        return np.arange(-(-self.samples // self.length), dtype=np.float64) * self.length

    def _join_pairs(self) -> None:
        self._least = _joined(self._least, np.fmin)
        self._greatest = _joined(self._greatest, np.fmax)
        self.length *= 2


def _joined(side: Array, least: np.ufunc) -> Array:
    pairs = side.shape[1] // 2
    joined: Array = np.full_like(side, np.nan)
    joined[:, :pairs] = least(side[:, 0 : 2 * pairs : 2], side[:, 1 : 2 * pairs : 2])
    if side.shape[1] % 2:
        joined[:, pairs] = side[:, -1]
    return joined
