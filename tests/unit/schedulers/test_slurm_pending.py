"""Why a job waits: a sentence for each word of libslurm, and no promise where waiting does not help."""

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.schedulers.slurm.pending import pending_reason
from gateway.schedulers.slurm.pending_reasons import find_reason
from tests.unit.schedulers.slurm_jobs import NOW, job

# The words of libslurm 24.11; tests/cluster/test_reason_words.py asks the installed one.
WORDS = Path(__file__).with_name("slurm_reasons.txt").read_text().split()
FOR_EVER = [
    word
    for word in WORDS
    if word.startswith("QOSMin") or "PerJob" in word or "PerNode" in word or word == "MaxMemPerLimit"
]


def waiting(reason: str) -> str:
    """Return the reason of a job with others ahead of it, for which Slurm predicts a start."""
    return pending_reason(job(reason=reason, start_at=NOW + timedelta(hours=1)), 5, 1, NOW)


def test_every_word_has_a_sentence() -> None:
    assert len(WORDS) == 217
    assert [word for word in WORDS if find_reason(word) is None] == []
    assert [word for word in WORDS if "Slurm says" in waiting(word)] == []


@pytest.mark.parametrize("word", FOR_EVER)
def test_a_limit_that_waiting_never_lifts_says_so_and_promises_no_start(word: str) -> None:
    said = waiting(word)
    assert "waiting does not help: cancel it and " in said
    assert "expects to start" not in said
    assert "ahead in the queue" not in said


@pytest.mark.parametrize(
    ("word", "advice"),
    [
        ("AssocMaxMemPerJob", "ask for less with resources.memory_bytes"),
        ("QOSMaxMemoryPerNode", "ask for less with resources.memory_bytes"),
        ("MaxMemPerLimit", "ask for less with resources.memory_bytes"),
        ("QOSMaxCpuPerJobLimit", "use fewer ranks or threads"),
        ("AssocMaxCpuMinutesPerJobLimit", "more CPU minutes than its Slurm account allows for one job"),
        ("QOSMaxNodePerJobLimit", "ask for fewer with resources.nodes"),
        ("AssocMaxWallDurationPerJobLimit", "ask for less with resources.time_limit_s"),
        ("PartitionTimeLimit", "ask for less with resources.time_limit_s"),
        ("PartitionNodeLimit", "ask for fewer with resources.nodes"),
        ("QOSMinCpuNotSatisfied", "use more ranks or threads"),
        ("QOSMinMemory", "ask for more with resources.memory_bytes"),
        ("QOSMaxGRESPerJob", "ask for less of it"),
    ],
)
def test_it_says_of_which_resource_to_ask_for_less_or_more(word: str, advice: str) -> None:
    assert advice in waiting(word)


@pytest.mark.parametrize(
    "reason",
    [
        "JobHeldAdmin",
        "JobHeldUser",
        "JobHoldMaxRequeue",
        "launch failed requeued held",
        "job requeued in held state",
        "user env retrieval failed requeued held",
        "ReservationDeleted",
        "PartitionDown",
        "AssocGrpCPUMinutesLimit",
        "Job's QOS not permitted to use this partition (debug allows a not b)",
        "DependencyNeverSatisfied",
        "InvalidAccount",
    ],
)
def test_a_job_that_does_not_start_by_itself_is_not_expected_to_start(reason: str) -> None:
    said = waiting(reason)
    assert "expects to start" not in said
    assert "ahead in the queue" not in said


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("QOSMaxJobsPerUserLimit", "as many jobs of the cluster account that submits it run as may at once"),
        ("AssocGrpJobsLimit", "as many jobs of its Slurm account run as may at once"),
        ("MaxSubmitJobsPerAccount", "as many jobs of its Slurm account wait or run as may at once"),
        ("QOSGrpMemLimit", "the jobs of its quality of service use all the memory that they may at once"),
        ("MaxCpuRunMinsPerUser", "use all the CPU minutes that they may at once"),
        ("ReqNodeNotAvail, Reserved for maintenance", "reserved (Reserved for maintenance)"),
    ],
)
def test_a_limit_that_others_ends_lift_keeps_its_place_and_its_start(reason: str, sentence: str) -> None:
    said = waiting(reason)
    assert sentence in said
    assert said.endswith("; 5 jobs are ahead in the queue; Slurm expects to start it at 13:00 UTC")


@pytest.mark.parametrize(
    "reason", ["MaxPer", "GrpMax", "QOSMaxWhatPerJob", "AssocMaxPerJobLimit", "Max", "x" * 99]
)
def test_a_word_of_no_known_limit_is_quoted(reason: str) -> None:
    assert waiting(reason).startswith(f"waiting: Slurm says '{reason}'")
