"""A function of a block of signals, computed for all of them: on this rank's threads and by all ranks."""

import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from hpc_kernels.arrays import Array, call_shifted, compute_in_blocks
from hpc_kernels.ranks.exchange import Exchange
from hpc_kernels.reports.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

_PARTS = 50  # at most, of a step's signals, between two words about the progress
_LONG_S = 0.5  # what takes no longer is not parted
_WORTH_S = 0.0006  # of work; with less, waking a thread and waiting for it takes longer than it saves


class ParallelMap:
    """Call it with a kernel and the number of signals; every rank gets the result of all of them.

    Results come in the order of the signals, so what is made of them does not depend on how many
    ranks and threads there are.
    """

    def __init__(self, exchange: Exchange, threads: int) -> None:
        self._exchange = exchange
        self._threads = threads
        self._step = 0
        self._progress = Progress("kmean: ")  # one for all steps, which may be short and many
        # what the last step of the same function and as many signals took, of all threads
        self._work_s: dict[tuple[Callable[..., Array], int], float] = {}

    def __call__(self, kernel: partial[Array], count: int) -> Array:
        """Return the results of `kernel` for all `count` signals."""
        self._step += 1
        return self._exchange.all_gather(self._mine(kernel, self._exchange.ranks.share(count)))

    def _mine(self, kernel: partial[Array], own: range) -> Array:
        """Return the results of this rank's signals, computed a part at a time to tell how far it is."""
        begin, stage = time.monotonic(), f"step {self._step}"
        self._progress.report(0, len(own), stage)
        step = kernel.func, len(own)
        expected = self._work_s.get(step, _PARTS * _LONG_S * self._threads)
        threads = self._threads if expected > _WORTH_S else 1
        count = min(_PARTS, 1 + int(expected / threads / _LONG_S))
        at_a_time, parts = max(threads, -(-len(own) // count)), []
        for start in range(own.start, max(own.stop, own.start + 1), at_a_time):
            some = range(start, min(start + at_a_time, own.stop))
            parts.append(compute_in_blocks(partial(call_shifted, kernel, start), len(some), threads))
            self._progress.report(some.stop - own.start, len(own), stage)
        self._work_s[step] = (time.monotonic() - begin) * threads
        return np.concatenate(parts)
