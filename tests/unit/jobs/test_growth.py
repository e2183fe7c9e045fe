"""Growth after an end by memory or time: figures, ceilings, and the reasons for no growth."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clusters.limits import Ceilings, Limits
from gateway.jobs.growth import MOST_GROWTHS, decide_growth
from gateway.jobs.resources import LARGEST_TIME_LIMIT_S
from gateway.models import Job
from gateway.states import JOB_ENDS, JobState

GIB = 2**30
TIME, MEMORY = "time_limit_s", "memory_per_cpu_bytes"
ENDS = {TIME: JobState.TIMEOUT, MEMORY: JobState.OUT_OF_MEMORY}


def row(
    had: dict[str, int | None],
    *,
    grow: bool = True,
    growths: int = 0,
    limits: dict[str, int | None] | None = None,
) -> Job:
    finding = {"state": "timeout", "exit_code": None, "reason": ""} | ({"limits": limits} if limits else {})
    params = {"num_mpi_procs": 4, "num_thread": 2}
    resources = {"grow": grow, "partition": "debug", **had}
    return Job(resources=resources, params=params, growths=growths, finding=finding)


@pytest.mark.parametrize(
    ("key", "had", "new", "words"),
    [
        (TIME, 60, 120, "run again with resources.time_limit_s 120 in place of 60"),
        (MEMORY, GIB, 2 * GIB, f"run again with resources.memory_bytes {16 * GIB} in place of {8 * GIB}"),
    ],
)
def test_twice_of_the_one_figure_that_ended_the_run(key: str, had: int, new: int, words: str) -> None:
    job = row({key: had})
    growth = decide_growth(job, Limits(), ENDS[key])
    assert growth.resources == job.resources | {key: new}
    assert growth.reason == words
    assert job.resources[key] == had, "the row is changed in the transaction alone"


def test_a_ceiling_in_between_is_used_to_its_end() -> None:
    growth = decide_growth(row({TIME: 60}), Limits(ceilings=Ceilings(time_limit_s=90)), JobState.TIMEOUT)
    assert growth.resources is not None
    assert growth.resources[TIME] == 90


@pytest.mark.parametrize(("asked", "given_s", "new"), [(None, 300, 600), (30, 60, 120), (60, None, 120)])
def test_the_figure_is_the_one_that_the_scheduler_enforced(
    asked: int | None, given_s: int | None, new: int
) -> None:
    growth = decide_growth(row({TIME: asked}, limits={TIME: given_s}), Limits(), JobState.TIMEOUT)
    assert growth.resources is not None
    assert growth.resources[TIME] == new


@pytest.mark.parametrize("key", ENDS)
def test_no_room_below_the_ceiling_says_which(key: str) -> None:
    limits = Limits(ceilings=Ceilings.model_validate({key: 100}))
    growth = decide_growth(row({key: 100}), limits, ENDS[key])
    assert growth.resources is None
    assert growth.reason.endswith(f"leaves no room below ceilings.{key}")


def test_an_unknown_figure_says_how_to_ask() -> None:
    growth = decide_growth(row({MEMORY: None}), Limits(), JobState.OUT_OF_MEMORY)
    assert growth.resources is None
    assert "retry it with resources.memory_bytes" in growth.reason


def test_the_third_end_is_final() -> None:
    growth = decide_growth(row({TIME: 60}, growths=MOST_GROWTHS), Limits(), JobState.TIMEOUT)
    assert (growth.resources, growth.reason) == (
        None,
        "not run again: this attempt has grown 2 times already; retry it with more",
    )


def test_a_cancel_wins() -> None:
    job = row({TIME: 60})
    job.cancel_requested_at = datetime.now(UTC)
    growth = decide_growth(job, Limits(), JobState.TIMEOUT)
    assert growth.resources is None
    assert "cancellation" in growth.reason


@pytest.mark.parametrize("state", sorted(JOB_ENDS - set(ENDS.values())))
def test_no_other_end_grows_or_says_a_word(state: JobState) -> None:
    growth = decide_growth(row({TIME: 60, MEMORY: GIB}), Limits(), state)
    assert (growth.resources, growth.reason) == (None, "")


@pytest.mark.parametrize("state", ENDS.values())
def test_nothing_grows_unasked(state: JobState) -> None:
    for job in (row({TIME: 60}, grow=False), Job(resources={"time_limit_s": 60}, params={}, growths=0)):
        growth = decide_growth(job, Limits(), state)
        assert (growth.resources, growth.reason) == (None, "")


FIGURE = st.none() | st.integers(1, LARGEST_TIME_LIMIT_S)


@given(key=st.sampled_from(sorted(ENDS)), asked=FIGURE, given_=FIGURE, ceiling=FIGURE)
def test_no_growth_exceeds_a_ceiling(
    key: str, asked: int | None, given_: int | None, ceiling: int | None
) -> None:
    limits = Limits(ceilings=Ceilings.model_validate({key: ceiling}))
    job, runs = row({key: asked}, limits={key: given_}), 1
    while (growth := decide_growth(job, limits, ENDS[key])).resources is not None:
        had, new = max(filter(None, (asked, given_))), growth.resources[key]
        assert had < new <= 2 * had
        assert new <= (ceiling or 2**63)
        assert {**growth.resources, key: asked} == {**job.resources, key: asked}, "nothing else changes"
        job.resources, job.growths, runs = growth.resources, job.growths + 1, runs + 1
        asked, given_ = new, None
        job.finding = None
    assert runs <= 1 + MOST_GROWTHS
    assert growth.reason.startswith("not run again: ")
