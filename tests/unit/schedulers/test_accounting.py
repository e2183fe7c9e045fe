"""The questions to slurmdbd: how many there are, and that they see jobs of yesterday and held ones."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.schedulers.slurm.accounting import load_records
from tests.unit.schedulers.slurm_records import submitted


class Slurmdbd:
    """slurmdbd behind pyslurm's interface; it returns the newest record of each id alone."""

    def __init__(self, *records: tuple[int, str]) -> None:
        self._records = records
        self.questions: list[dict[str, object]] = []
        self.db = SimpleNamespace(
            JobFilter=lambda **condition: condition, Jobs=SimpleNamespace(load=self._load)
        )

    def _load(self, condition: dict[str, object]) -> dict[int, str]:
        self.questions.append(condition)
        ids, names = condition.get("ids"), condition["names"]
        assert isinstance(names, list)
        return {
            number: name
            for number, name in self._records
            if name in names and (ids is None or number in ids)  # type: ignore[operator]
        }


def test_many_jobs_take_one_question_by_id_of_all_times() -> None:
    jobs = [submitted(Path("/x"), str(number), f"{number}.1") for number in range(1, 1001)]
    slurmdbd = Slurmdbd(*((number, f"{number}.1") for number in range(1, 1001)))
    assert len(load_records(slurmdbd, jobs, 5)) == 1000
    [question] = slurmdbd.questions
    assert question.keys() == {"users", "names", "ids"}
    assert question["users"] == [5]


def test_two_jobs_of_one_id_are_asked_about_apart() -> None:
    """One question would return the record of the newer job alone."""
    slurmdbd = Slurmdbd((7, "a.1"), (8, "c.1"), (7, "b.1"))
    jobs = [
        submitted(Path("/x"), number, name) for name, number in (("a.1", "7"), ("b.1", "7"), ("c.1", "8"))
    ]
    assert sorted(load_records(slurmdbd, jobs, 5)) == ["a.1", "b.1", "c.1"]
    assert len(slurmdbd.questions) == 2


@pytest.mark.parametrize("scheduler_id", ["", "0", "x", "9" * 19])
def test_without_an_id_the_question_begins_before_the_row_in_any_time_zone(scheduler_id: str) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    job = replace(submitted(Path("/x"), scheduler_id), created_at=yesterday)
    slurmdbd = Slurmdbd((7, job.name))
    assert load_records(slurmdbd, [job, submitted(Path("/x"), "8", "b.1")], 5) == [job.name]
    start, end = (slurmdbd.questions[-1][key] for key in ("start_time", "end_time"))
    assert isinstance(start, int)
    assert isinstance(end, int)
    assert start < yesterday.timestamp() - 3600
    assert end > datetime.now(UTC).timestamp() + 3600


def test_no_jobs_are_no_question() -> None:
    slurmdbd = Slurmdbd()
    assert load_records(slurmdbd, [], 5) == []
    assert slurmdbd.questions == []
