"""The calls that looks at Slurm make, counted on a pyslurm of the test's own."""

import importlib
import os
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.errors import SchedulerError, SchedulerUnavailable
from gateway.schedulers import periodic
from gateway.schedulers.base import JobSpec
from gateway.schedulers.slurm import client, own_jobs
from gateway.schedulers.slurm.scheduler import SNAPSHOT_PERIOD_S, SlurmScheduler
from gateway.states import JobState

UID = 1000


class Slurm:
    """A pyslurm that counts the calls to slurmctld."""

    class RPCError(Exception):
        errno, msg = 1800, "no answer"

    PyslurmError = RPCError

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.jobs: list[SimpleNamespace] = []
        self.away = False
        for kind in ("Jobs", "Nodes", "Partitions"):
            setattr(self, kind, SimpleNamespace(load=lambda kind=kind: self._load(kind)))

    def _load(self, kind: str) -> dict[int, Any]:
        self.calls[kind] += 1
        if self.away:
            raise self.RPCError
        return dict(enumerate(self.jobs)) if kind == "Jobs" else {}

    def load_jobs_of(self, user_id: int) -> list[SimpleNamespace]:
        self.calls["own"] += 1
        return [job for job in self.jobs if job.user_id == user_id]

    def add(self, number: int, state: str = "RUNNING", reason: str = "", user_id: int = UID) -> None:
        record = {
            "id": number,
            "name": f"job{number}",
            "state": state,
            "state_reason": reason,
            "partition": "debug",
            "priority": 100 - number,
            "num_nodes": 1,
            "cpus": 4,
            "working_directory": "/nowhere",
            "user_id": user_id,
        }
        rest = dict.fromkeys(
            (
                "allocated_nodes",
                "time_limit",
                "memory",
                "exit_code",
                "exit_code_signal",
                "start_time",
                "array_id",
                "array_task_id",
                "end_time",
            )
        )
        self.jobs.append(SimpleNamespace(**record, **rest))


@pytest.fixture
def slurm(monkeypatch: pytest.MonkeyPatch) -> Slurm:
    made = Slurm()
    monkeypatch.setattr(client, "_load_pyslurm", lambda _conf: made)
    monkeypatch.setattr(os, "getuid", lambda: UID)
    monkeypatch.setattr(own_jobs, "find_extension", lambda: made.load_jobs_of)
    return made


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    made = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(periodic, "time", SimpleNamespace(monotonic=lambda: made.now))
    return made


def scheduler() -> SlurmScheduler:
    return SlurmScheduler(client.PyslurmClient(client.SlurmInstallation(Path("/slurm.conf"), "/bin")))


def test_a_look_at_running_jobs_loads_no_other_account_s(slurm: Slurm) -> None:
    slurm.add(1)
    slurm.add(2, user_id=7)
    looks = scheduler()
    assert looks.jobs().keys() == looks.jobs().keys() == {"job1"}
    assert slurm.calls == {"own": 2}


def test_pending_jobs_need_the_whole_queue_once_a_minute(slurm: Slurm, clock: SimpleNamespace) -> None:
    slurm.add(1, "PENDING", "Priority", user_id=7)
    slurm.add(2, "PENDING", "Priority")
    looks = scheduler()
    for _ in range(100):
        assert "1 job is ahead" in looks.jobs()["job2"].reason
    assert slurm.calls == {"own": 100, "Jobs": 1}
    del slurm.jobs[0]
    clock.now += SNAPSHOT_PERIOD_S + 1
    assert "ahead" not in looks.jobs()["job2"].reason.partition(";")[2]
    assert slurm.calls["Jobs"] == 2


def test_a_job_that_is_newer_than_the_snapshot_has_its_position(slurm: Slurm, clock: SimpleNamespace) -> None:
    slurm.add(1, "PENDING", "Priority", user_id=7)
    slurm.add(2, "PENDING", "Priority")
    looks = scheduler()
    looks.jobs()
    slurm.add(3, "PENDING", "Priority")
    assert "2 jobs are ahead" in looks.jobs()["job3"].reason
    assert slurm.calls["Jobs"] == 1
    assert clock.now == 1000.0


def test_the_nodes_are_loaded_for_jobs_that_wait_for_nodes(slurm: Slurm, clock: SimpleNamespace) -> None:
    slurm.add(1, "PENDING", "Priority")
    looks = scheduler()
    looks.jobs()
    assert slurm.calls["Nodes"] == 0
    slurm.add(2, "PENDING", "Resources")
    for _ in range(50):
        assert "a node with 4 free CPUs" in looks.jobs()["job2"].reason
    assert slurm.calls["Nodes"] == 1
    clock.now += SNAPSHOT_PERIOD_S + 1
    looks.jobs()
    assert slurm.calls["Nodes"] == 2


def test_a_failed_load_is_repeated_at_the_next_look(slurm: Slurm, clock: SimpleNamespace) -> None:
    slurm.add(1, "PENDING", "Priority")
    looks = scheduler()
    looks.jobs()
    clock.now += SNAPSHOT_PERIOD_S + 1
    slurm.away = True
    for _ in range(2):
        with pytest.raises(SchedulerUnavailable):
            looks.jobs()
    slurm.away = False
    assert looks.jobs().keys() == {"job1"}
    assert slurm.calls["Jobs"] == 4


def test_the_check_of_the_scheduler_looks_at_no_job(slurm: Slurm) -> None:
    scheduler().check()
    assert slurm.calls == {"Partitions": 1}
    slurm.away = True
    with pytest.raises(SchedulerUnavailable):
        scheduler().check()


def test_without_the_extension_the_account_s_jobs_are_chosen_from_all(
    slurm: Slurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_jobs, "find_extension", lambda: None)
    slurm.add(1)
    slurm.add(2, user_id=7)
    assert scheduler().jobs().keys() == {"job1"}
    assert slurm.calls == {"Jobs": 1}


@pytest.mark.parametrize("error", [ImportError("it was built for pyslurm 1"), ValueError("Job size changed")])
def test_an_extension_of_another_pyslurm_is_not_used(
    error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_name: str) -> None:
        raise error

    own_jobs.find_extension.cache_clear()
    monkeypatch.setattr(own_jobs, "is_built", lambda: True)
    monkeypatch.setattr(importlib, "import_module", fail)
    slurm = Slurm()
    slurm.add(1)
    try:
        assert own_jobs.load_own_jobs(slurm, UID) == slurm.jobs
    finally:
        own_jobs.find_extension.cache_clear()
    assert str(error) in caplog.text


@pytest.mark.parametrize(("listed", "is_final"), [([], True), (["COMPLETED"], True), (["RUNNING"], False)])
def test_a_limit_of_the_account_is_final_only_where_no_end_can_lift_it(
    slurm: Slurm, monkeypatch: pytest.MonkeyPatch, listed: list[str], *, is_final: bool
) -> None:
    class Limited(Slurm.RPCError):
        errno, msg = 2050, "Job violates accounting/QOS policy"

    def describe(**_: object) -> SimpleNamespace:
        def submit() -> int:
            raise Limited

        return SimpleNamespace(submit=submit)

    for number, state in enumerate(listed):
        slurm.add(number, state)
    monkeypatch.setattr(slurm, "JobSubmitDescription", describe, raising=False)
    spec = JobSpec("job.1", Path("/folder"), ("kernel",), ranks=1, threads=1, launcher="srun")
    with pytest.raises(SchedulerError, match="2050.* has as many jobs as it may") as refused:
        scheduler().submit(spec)
    assert refused.value.transient is refused.value.waits is not is_final


def test_the_start_of_slurmctld_is_asked_for_when_a_job_was_cut_short_alone(slurm: Slurm) -> None:
    asked = list[str]()

    def load() -> SimpleNamespace:
        asked.append("config")
        return SimpleNamespace(slurmctld_boot_time=1_700_000_000)

    slurm.slurmctld = SimpleNamespace(Config=SimpleNamespace(load=load))  # type: ignore[attr-defined]
    slurm.add(1)
    slurm.add(2, "CANCELLED")
    looks = scheduler()
    assert looks.jobs()
    assert asked == []
    vars(slurm.jobs[1]).update(allocated_nodes="n1", start_time=1_800_000_000, end_time=1_800_000_003)
    assert looks.jobs()["job2"].state is JobState.CANCELLED
    assert asked == ["config"]


@pytest.mark.parametrize("number", [111, 1001, 1003, 1007, 1013, 1014, 1015, 1016, 1800, 5004, 6000])
def test_a_broken_connection_is_no_refusal(
    slurm: Slurm, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """1013 was seen in a submission while slurmctld was killed."""
    monkeypatch.setattr(Slurm.RPCError, "errno", number)
    slurm.away = True
    with pytest.raises(SchedulerUnavailable, match=f"does not answer.*{number}"):
        scheduler().partitions()
