"""A function of a block of signals, computed for all of them: on this rank's threads and by all ranks."""

import sys
import time
from collections.abc import Callable

import numpy as np

from hpc_kernels.arrays import Array, spread
from hpc_kernels.ranks import Ranks


class Everywhere:
    """Call it with a kernel and the number of signals; every rank gets the result of all of them.

    Results come in the order of the signals, so what is made of them does not depend on how many
    ranks and threads there are.
    """

    def __init__(self, ranks: Ranks, threads: int) -> None:
        self._ranks = ranks
        self._threads = threads
        self._step = 0

    def __call__(self, kernel: Callable[[slice], Array], count: int) -> Array:
        """Return the results of `kernel` for all `count` signals."""
        own = self._ranks.share(count)
        mine = spread(lambda block: kernel(_moved(block, own.start)), len(own), self._threads)
        if self._ranks.size == 1:
            return mine
        self._step += 1
        self._ranks.leave(f"step{self._step}.{self._ranks.rank}", mine)
        parts = self._ranks.collect(f"step{self._step}", mine, range(self._ranks.size))
        # everybody is at this step, so nobody reads the one before any more
        self._ranks.path(f"step{self._step - 1}.{self._ranks.rank}").unlink(missing_ok=True)
        return np.concatenate(parts)


class Progress:
    """Says how far a long computation has come: on stderr, at most once a second, and not of the end."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._last = time.monotonic()

    def at(self, done: int, total: int) -> None:
        """Tell that `done` of `total` are done."""
        if done < total and time.monotonic() - self._last >= 1:
            self._last = time.monotonic()
            print(f"{self._what}: {done} of {total}", file=sys.stderr)  # noqa: T201


def _moved(block: slice, by: int) -> slice:
    return slice((block.start or 0) + by, block.stop + by)
