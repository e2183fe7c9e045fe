"""Progress: for long work a line a second at most, from one rank."""

import pytest

from hpc_kernels import progress
from hpc_kernels.progress import Progress


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
        told.at(done, 100)


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
