"""Progress of long work: at most a line a second, from one rank."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from hpc_kernels.arrays import Array
from hpc_kernels.ranks.exchange import FileExchange
from hpc_kernels.ranks.group import Ranks
from hpc_kernels.ranks.parallel_map import ParallelMap
from hpc_kernels.reports import progress
from hpc_kernels.reports.progress import Progress


class Clock:
    """Stands where the test puts it."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.delenv("SLURM_PROCID", raising=False)
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def run(clock: Clock, seconds: float) -> None:
    told = Progress("x.csv: read")
    for done in range(1, 101):
        clock.now += seconds / 100
        told.report(done, 100)


def test_short_work_says_nothing(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    run(clock, 0.9)
    assert capsys.readouterr() == ("", "")


def test_a_line_a_second_and_none_at_the_end(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    run(clock, 12.5)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 12
    assert lines[0] == "x.csv: read: 8 %"
    run(clock, 4)
    assert len(capsys.readouterr().err.splitlines()) == 3


def test_one_rank_speaks(
    clock: Clock, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_PROCID", "1")
    run(clock, 60)
    assert capsys.readouterr().err == ""


def test_many_short_steps_are_told_of(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    def kernel(block: slice) -> Array:
        clock.now += 0.3
        return np.zeros(4)[block]

    parallel_map = ParallelMap(FileExchange(Ranks(0, 1, Path())), 1)
    for _ in range(12):  # the first one in four parts
        parallel_map(partial(kernel), 4)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"kmean: step {step}: 0 %" for step in (2, 6, 10)]
