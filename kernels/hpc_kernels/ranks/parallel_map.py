"""Parallel map over signals: this rank's threads, then all ranks."""

import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from hpc_kernels.arrays import Array, call_shifted, compute_in_blocks
from hpc_kernels.ranks.exchange import Exchange
from hpc_kernels.reports.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

_PARTS = 50  # of a step at most, with a report of the progress after each
_LONG_S = 0.5  # a step that is expected to take less is not divided into parts
_WORTH_S = 0.0006  # of work; for less, waking a thread and waiting for it takes longer than it saves


class ParallelMap:
    """A callable that maps a kernel over all signals and returns the results of all ranks to every rank.

    Results are in the order of the signals, so they do not depend on the numbers of ranks and threads.
    """

    def __init__(self, exchange: Exchange, threads: int) -> None:
        self._exchange = exchange
        self._threads = threads
        self._step = 0
        self._progress = Progress("kmean: ")  # one for all steps: they may be short and many
        # seconds, summed over threads, of the last step of the same function and number of signals
        self._work_s: dict[tuple[Callable[..., Array], int], float] = {}

    def __call__(self, kernel: partial[Array], count: int) -> Array:
        """Return the results of `kernel` for all `count` signals."""
        self._step += 1
        return self._exchange.all_gather(self._map_own(kernel, self._exchange.ranks.share(count)))

    def _map_own(self, kernel: partial[Array], own: range) -> Array:
        """Return the results of this rank's signals, computed part by part to report the progress."""
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
