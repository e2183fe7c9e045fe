"""The local scheduler with real processes: order, ends, cancels, foreign processes, concurrent callers."""

import itertools
from pathlib import Path

import psutil
import pytest

from gateway.errors import Invalid, SchedulerError, SchedulerUnavailable
from gateway.schedulers import attempt_record, batch_script
from gateway.schedulers.base import JobSpec
from gateway.schedulers.local import scheduler as local_scheduler
from gateway.schedulers.local import spool
from gateway.schedulers.local.launch import LAUNCH_LOG
from gateway.schedulers.local.scheduler import LocalScheduler
from gateway.states import JobState
from tests.integration.schedulers.local_jobs import end_of, spec, submitted
from tests.polling import until


def test_success(scheduler: LocalScheduler, tmp_path: Path) -> None:
    job = spec(tmp_path, 'echo "hello $SLURM_PROCID/$SLURM_NTASKS"; sleep 0.2', ranks=2)
    scheduler_id = scheduler.submit(job)
    assert scheduler.jobs()["job.1"].state is JobState.RUNNING
    end = end_of(scheduler)
    assert (end.scheduler_id, end.state, end.exit_code, end.reason) == (
        scheduler_id,
        JobState.SUCCEEDED,
        0,
        "",
    )
    assert end.started_at is not None
    assert end.ended_at is not None
    assert end.ended_at >= end.started_at
    assert sorted((job.folder / batch_script.STDOUT).read_text().split()) == ["0/2", "1/2", "hello", "hello"]
    assert (job.folder / LAUNCH_LOG).read_bytes() == b""


def test_failure(scheduler: LocalScheduler, tmp_path: Path) -> None:
    scheduler.submit(spec(tmp_path, "exit 3"))
    end = end_of(scheduler)
    assert (end.state, end.exit_code, end.reason) == (
        JobState.FAILED,
        3,
        "the job ended with exit code 3",
    )


def test_the_same_name_is_the_same_job(scheduler: LocalScheduler, tmp_path: Path) -> None:
    job = spec(tmp_path, "echo once")
    first = scheduler.submit(job)
    assert scheduler.submit(job) == first
    end_of(scheduler)
    assert scheduler.submit(job) == first
    assert (job.folder / batch_script.STDOUT).read_text() == "once\n"


def test_forgotten_and_still_known(
    scheduler: LocalScheduler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = spec(tmp_path, "echo once; exit 5")
    first = scheduler.submit(job)
    end = end_of(scheduler)
    monkeypatch.setattr(local_scheduler, "FORGET_AFTER_S", 0)
    assert scheduler.jobs() == {}
    assert scheduler.find(submitted(job)) == end
    assert scheduler.submit(job) == first
    assert scheduler.submit(spec(tmp_path, name="job.2")) != first
    assert (job.folder / batch_script.STDOUT).read_text() == "once\n"


def test_never_submitted(scheduler: LocalScheduler, tmp_path: Path) -> None:
    assert scheduler.find(submitted(spec(tmp_path))) is None


def test_first_come_first_served_within_the_cpus(scheduler: LocalScheduler, tmp_path: Path) -> None:
    line = "date +%s%N >> ../order; sleep 0.15; date +%s%N >> ../order"
    scheduler.submit(spec(tmp_path, line, name="a.1"))
    scheduler.submit(spec(tmp_path, "echo $SLURM_PROCID; " + line, name="b.1", ranks=2))
    scheduler.submit(spec(tmp_path, line, name="c.1"))
    states = {name: report.state for name, report in scheduler.jobs().items()}
    assert states == {"a.1": JobState.RUNNING, "b.1": JobState.PENDING, "c.1": JobState.PENDING}
    assert "2 free of 2 CPUs" in scheduler.jobs()["b.1"].reason
    [partition] = scheduler.partitions()
    assert (partition.avail_cpus, partition.running_jobs, partition.queued_jobs) == (1, 1, 2)
    ends = [end_of(scheduler, name) for name in ("a.1", "b.1", "c.1")]
    assert [end.state for end in ends] == [JobState.SUCCEEDED] * 3
    for before, after in itertools.pairwise(ends):
        assert before.ended_at is not None
        assert after.started_at is not None
        assert before.ended_at <= after.started_at


def test_too_big(scheduler: LocalScheduler, tmp_path: Path) -> None:
    with pytest.raises(SchedulerError, match=r"3 CPUs .* offers 2"):
        scheduler.submit(spec(tmp_path, ranks=3))
    assert scheduler.jobs() == {}
    assert not (tmp_path / "job.1").exists()


@pytest.mark.parametrize("name", ["", "a/b", "../x", "a b", "a\n", "-a", "x" * 201, "é"])
def test_bad_names(scheduler: LocalScheduler, tmp_path: Path, name: str) -> None:
    job = JobSpec(name, tmp_path / "folder", ("true",), ranks=1, threads=1, launcher="processes")
    with pytest.raises(Invalid):
        scheduler.submit(job)
    assert scheduler.jobs() == {}


def test_cancel_while_waiting(scheduler: LocalScheduler, tmp_path: Path) -> None:
    first = scheduler.submit(spec(tmp_path, "sleep 30", name="a.1", ranks=2))
    waiting = spec(tmp_path, "echo ran", name="b.1")
    second = scheduler.submit(waiting)
    scheduler.cancel("b.1", second)
    scheduler.cancel("b.1", second)
    report = scheduler.jobs()["b.1"]
    assert (report.state, report.exit_code) == (JobState.CANCELLED, None)
    scheduler.cancel("a.1", first)
    assert end_of(scheduler, "a.1").state is JobState.CANCELLED
    assert scheduler.jobs()["b.1"] == report
    assert not (waiting.folder / batch_script.STDOUT).exists()


def test_cancel_while_running(scheduler: LocalScheduler, tmp_path: Path) -> None:
    job = spec(tmp_path, "echo $$; sleep 30", ranks=2)
    scheduler_id = scheduler.submit(job)
    pids = job.folder / batch_script.STDOUT
    until("both ranks have started", lambda: pids.exists() and len(pids.read_text().split()) == 2)
    scheduler.cancel("job.1", scheduler_id)
    scheduler.cancel("job.1", scheduler_id)
    end = end_of(scheduler)
    assert (end.state, end.exit_code, end.reason) == (JobState.CANCELLED, 143, "cancelled while it ran")
    assert not any(psutil.pid_exists(int(pid)) for pid in pids.read_text().split())
    scheduler.cancel("job.1", scheduler_id)
    assert scheduler.jobs()["job.1"] == end


def test_cancel_of_what_is_over_changes_nothing(scheduler: LocalScheduler, tmp_path: Path) -> None:
    scheduler_id = scheduler.submit(spec(tmp_path, "true"))
    until("the exit file is written", lambda: attempt_record.read_exit(tmp_path / "job.1") is not None)
    scheduler.cancel("job.1", scheduler_id)
    assert end_of(scheduler).state is JobState.SUCCEEDED


@pytest.mark.parametrize("scheduler_id", ["", "0", "99", "x", "-1", "1.5", "²", "9" * 40, "1\n"])
def test_cancel_of_the_unknown(scheduler: LocalScheduler, scheduler_id: str) -> None:
    scheduler.cancel("job.1", scheduler_id)


def test_a_cancel_of_an_id_that_another_job_has_now_changes_nothing(
    scheduler: LocalScheduler, tmp_path: Path
) -> None:
    scheduler_id = scheduler.submit(spec(tmp_path, "sleep 0.2"))
    scheduler.cancel("another.1", scheduler_id)
    assert end_of(scheduler).state is JobState.SUCCEEDED


def test_jobs_that_the_queue_has_dropped_are_recalled(scheduler: LocalScheduler, tmp_path: Path) -> None:
    ended, unstarted, odd = (spec(tmp_path, "exit 5", name=name) for name in ("a.1", "b.1", "c.1"))
    scheduler.submit(ended)
    end = end_of(scheduler, "a.1")
    odd.folder.mkdir()
    (odd.folder / batch_script.STARTED).write_text("{}")
    recalled = scheduler.recall([submitted(ended), submitted(unstarted), submitted(odd, "9")])
    assert (recalled["a.1"], recalled["b.1"]) == (end, None)
    assert recalled["c.1"] is not None
    assert (recalled["c.1"].state, recalled["c.1"].scheduler_id) == (JobState.LOST, "9")
    assert scheduler.recall([]) == {}


def test_removed_folder(scheduler: LocalScheduler, tmp_path: Path) -> None:
    first = scheduler.submit(spec(tmp_path, "sleep 30", name="a.1", ranks=2))
    job = spec(tmp_path, name="b.1")
    scheduler.submit(job)
    (job.folder / batch_script.SCRIPT).unlink()
    job.folder.rmdir()
    assert "was removed" in end_of(scheduler, "b.1").reason
    scheduler.cancel("a.1", first)
    end_of(scheduler, "a.1")


def test_a_held_lock_is_unavailable_not_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "LOCK_WAIT_S", 0.05)
    with (
        spool.Spool(tmp_path / "spool").lock(),
        pytest.raises(SchedulerUnavailable, match="locked"),
    ):
        LocalScheduler(tmp_path / "spool", 1).jobs()


def test_an_unusable_spool(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SchedulerUnavailable, match="Not a directory"):
        LocalScheduler(tmp_path / "file" / "spool", 1).jobs()
