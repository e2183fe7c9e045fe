"""Parallel map on threads: results in order and complete, and one thread for a short step."""

import os
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from hpc_kernels.arrays import Array, compute_in_blocks, map_on_threads
from hpc_kernels.ranks.exchange import FileExchange
from hpc_kernels.ranks.group import Ranks
from hpc_kernels.ranks.parallel_map import ParallelMap


@pytest.mark.parametrize("count", [0, 1, 2, 7])
@pytest.mark.parametrize("threads", [1, 2, 9])
def test_results_come_in_order(count: int, threads: int) -> None:
    numbers: Array = np.arange(float(count))
    assert compute_in_blocks(lambda block: numbers[block], count, threads).tolist() == list(range(count))
    assert map_on_threads(float, range(count)) == list(range(count))


def test_threads_are_kept() -> None:
    names = {
        name
        for _ in range(50)
        for name in map_on_threads(lambda _: threading.current_thread().name, range(2))
    }
    assert 2 <= len(names) <= 1 + (os.cpu_count() or 1)


@pytest.mark.parametrize("bad", [0, 1])
def test_a_failed_piece_waits_for_the_others(bad: int) -> None:
    ended = []

    def work(piece: int) -> None:
        if piece == bad:
            raise ValueError(f"piece {piece}")
        time.sleep(0.05)
        ended.append(piece)

    with pytest.raises(ValueError, match=f"piece {bad}"):
        map_on_threads(work, range(2))
    assert ended == [1 - bad]


@pytest.mark.parametrize(("work_s", "threads"), [(0.0, 1), (0.01, 2)])
def test_a_short_step_stays_on_one_thread(
    work_s: float, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks: list[slice] = []
    monkeypatch.setattr("time.monotonic", lambda: work_s * len(blocks))

    def kernel(block: slice) -> Array:
        blocks.append(block)
        return np.arange(10.0)[block]

    parallel_map = ParallelMap(FileExchange(Ranks(0, 1, Path())), 2)
    for _ in range(3):
        before = len(blocks)
        assert parallel_map(partial(kernel), 10).tolist() == list(range(10))
    assert len(blocks) - before == threads
