"""The local scheduler with real processes: order, ends, cancels, foreign processes, concurrent callers."""

import concurrent.futures
import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from gateway.errors import Invalid, SchedulerError, SchedulerUnavailable
from gateway.schedulers import attempt_record, batch_script
from gateway.schedulers.base import JobReport, JobSpec
from gateway.schedulers.local import attempt, spool
from gateway.schedulers.local import scheduler as local_scheduler
from gateway.schedulers.local.launch import LAUNCH_LOG
from gateway.schedulers.local.scheduler import LocalScheduler
from gateway.states import JobState
from tests.polling import until

PERIOD_S = 0.01


@pytest.fixture
def scheduler(tmp_path: Path) -> LocalScheduler:
    return LocalScheduler(tmp_path / "spool", cpus=2)


def spec(tmp_path: Path, text: str = "true", *, name: str = "job.1", ranks: int = 1) -> JobSpec:
    command = ("/bin/bash", "-c", text)
    return JobSpec(name, tmp_path / name, command, ranks=ranks, threads=1, launcher="processes")


def end_of(scheduler: LocalScheduler, name: str = "job.1") -> JobReport:
    going = {JobState.PENDING, JobState.RUNNING}
    until("the job has ended", lambda: scheduler.jobs()[name].state not in going, period_s=PERIOD_S)
    return scheduler.jobs()[name]


def start_of(folder: Path) -> attempt_record.Start:
    return until("the job has started", lambda: attempt_record.read_start(folder), period_s=PERIOD_S)


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
    assert scheduler.find("job.1", job.folder) == end
    assert scheduler.submit(job) == first
    assert scheduler.submit(spec(tmp_path, name="job.2")) != first
    assert (job.folder / batch_script.STDOUT).read_text() == "once\n"


def test_never_submitted(scheduler: LocalScheduler, tmp_path: Path) -> None:
    assert scheduler.find("job.1", tmp_path / "job.1") is None


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
    scheduler.cancel(second)
    scheduler.cancel(second)
    report = scheduler.jobs()["b.1"]
    assert (report.state, report.exit_code) == (JobState.CANCELLED, None)
    scheduler.cancel(first)
    assert end_of(scheduler, "a.1").state is JobState.CANCELLED
    assert scheduler.jobs()["b.1"] == report
    assert not (waiting.folder / batch_script.STDOUT).exists()


def test_cancel_while_running(scheduler: LocalScheduler, tmp_path: Path) -> None:
    job = spec(tmp_path, "echo $$; sleep 30", ranks=2)
    scheduler_id = scheduler.submit(job)
    pids = job.folder / batch_script.STDOUT
    until("both ranks have started", lambda: pids.exists() and len(pids.read_text().split()) == 2)
    scheduler.cancel(scheduler_id)
    scheduler.cancel(scheduler_id)
    end = end_of(scheduler)
    assert (end.state, end.exit_code, end.reason) == (JobState.CANCELLED, 143, "cancelled while it ran")
    assert not any(psutil.pid_exists(int(pid)) for pid in pids.read_text().split())
    scheduler.cancel(scheduler_id)
    assert scheduler.jobs()["job.1"] == end


def test_cancel_of_what_is_over_changes_nothing(scheduler: LocalScheduler, tmp_path: Path) -> None:
    scheduler_id = scheduler.submit(spec(tmp_path, "true"))
    until("the exit file is written", lambda: attempt_record.read_exit(tmp_path / "job.1") is not None)
    scheduler.cancel(scheduler_id)
    assert end_of(scheduler).state is JobState.SUCCEEDED


@pytest.mark.parametrize("scheduler_id", ["", "0", "99", "x", "-1", "1.5", "²", "9" * 40, "1\n"])
def test_cancel_of_the_unknown(scheduler: LocalScheduler, scheduler_id: str) -> None:
    scheduler.cancel(scheduler_id)


def test_a_cancelled_job_that_hangs_is_killed(
    scheduler: LocalScheduler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempt, "KILL_AFTER_S", 3600)  # a busy machine must not come to it by itself
    job = spec(tmp_path, "sleep 31")
    scheduler_id = scheduler.submit(job)
    start = start_of(job.folder)
    os.kill(start.pid, signal.SIGSTOP)
    until("the script is stopped", lambda: psutil.Process(start.pid).status() == psutil.STATUS_STOPPED)
    scheduler.cancel(scheduler_id)
    assert scheduler.jobs()["job.1"].state is JobState.RUNNING
    monkeypatch.setattr(attempt, "KILL_AFTER_S", 0)
    end = end_of(scheduler)
    assert (end.state, end.exit_code) == (JobState.CANCELLED, None)
    until("the session is empty", lambda: members_of(start.pid) == [])


def members_of(session: int) -> list[int]:
    members = []
    for process in psutil.process_iter(["status"]):
        try:
            if process.status() != psutil.STATUS_ZOMBIE and os.getsid(process.pid) == session:
                members.append(process.pid)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return members


def test_killed_from_outside(scheduler: LocalScheduler, tmp_path: Path) -> None:
    job = spec(tmp_path, "sleep 32")
    scheduler.submit(job)
    start = start_of(job.folder)
    until("the rank has started", lambda: len(members_of(start.pid)) > 1)
    os.kill(start.pid, signal.SIGKILL)
    end = end_of(scheduler)
    assert (end.state, end.exit_code) == (JobState.FAILED, None)
    assert "killed from outside" in end.reason
    until("the session is empty", lambda: members_of(start.pid) == [])


def test_asked_to_end_from_outside(scheduler: LocalScheduler, tmp_path: Path) -> None:
    job = spec(tmp_path, "sleep 33")
    scheduler.submit(job)
    os.kill(start_of(job.folder).pid, signal.SIGTERM)
    end = end_of(scheduler)
    assert end.state is JobState.FAILED
    assert end.reason in {
        "the job's processes were ended from outside by SIGTERM, as an operator of the cluster may do",
        "the job was killed from outside, or the machine restarted, before it could note its end",
    }


def test_children_left_behind_do_not_survive(scheduler: LocalScheduler, tmp_path: Path) -> None:
    job = spec(tmp_path, "sleep 34 & disown; exit 0")
    scheduler.submit(job)
    assert end_of(scheduler).state is JobState.SUCCEEDED
    until("the session is empty", lambda: members_of(start_of(job.folder).pid) == [])


def test_a_stranger_with_the_same_pid_is_not_the_job(scheduler: LocalScheduler, tmp_path: Path) -> None:
    job = spec(tmp_path, "true")
    scheduler.submit(job)
    until("the exit file is written", lambda: attempt_record.read_exit(job.folder) is not None)
    start = start_of(job.folder)
    (job.folder / batch_script.EXIT).unlink()
    with subprocess.Popen(["/bin/sleep", "20"], start_new_session=True) as stranger:
        forged = start.model_copy(update={"pid": stranger.pid})
        (job.folder / batch_script.STARTED).write_text(forged.model_dump_json())
        assert end_of(scheduler).state is JobState.FAILED
        assert stranger.poll() is None
        stranger.kill()


def test_another_boot_is_another_process(scheduler: LocalScheduler, tmp_path: Path) -> None:
    job = spec(tmp_path, "sleep 35")
    scheduler_id = scheduler.submit(job)
    start = start_of(job.folder)
    (job.folder / batch_script.STARTED).write_text(
        start.model_copy(update={"boot_id": "0"}).model_dump_json()
    )
    report = scheduler.find("job.1", job.folder)
    (job.folder / batch_script.STARTED).write_text(start.model_dump_json())
    assert report is not None
    assert report.state is JobState.FAILED
    scheduler.cancel(scheduler_id)
    os.kill(start.pid, signal.SIGTERM)


def test_removed_folder(scheduler: LocalScheduler, tmp_path: Path) -> None:
    first = scheduler.submit(spec(tmp_path, "sleep 30", name="a.1", ranks=2))
    job = spec(tmp_path, name="b.1")
    scheduler.submit(job)
    (job.folder / batch_script.SCRIPT).unlink()
    job.folder.rmdir()
    assert "was removed" in end_of(scheduler, "b.1").reason
    scheduler.cancel(first)
    end_of(scheduler, "a.1")


def test_nothing_of_the_callers_environment_reaches_the_job(
    scheduler: LocalScheduler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_SECRET", "hidden")
    job = spec(tmp_path, 'cat "/proc/$PPID/environ" "/proc/$$/environ"')
    scheduler.submit(job)
    assert end_of(scheduler).state is JobState.SUCCEEDED
    seen = (job.folder / batch_script.STDOUT).read_bytes()
    assert b"SLURM_PROCID=0" in seen
    assert b"hidden" not in seen


def test_it_outlives_whoever_started_it(tmp_path: Path) -> None:
    job = spec(tmp_path, "sleep 1; echo done", name="job.1")
    code = f"""
import os, signal
from pathlib import Path
from gateway.schedulers.local.launch import LAUNCH_LOG
from gateway.schedulers.local.scheduler import LocalScheduler
from gateway.schedulers.base import JobSpec
LocalScheduler(Path({str(tmp_path / "spool")!r}), 2).submit(
    JobSpec("job.1", Path({str(job.folder)!r}), {job.command!r}, 1, 1, "processes"))
os.killpg(0, signal.SIGKILL)
"""
    caller = subprocess.run([sys.executable, "-c", code], start_new_session=True, check=False)
    assert caller.returncode == -signal.SIGKILL
    scheduler = LocalScheduler(tmp_path / "spool", 2)
    assert scheduler.jobs()["job.1"].state is JobState.RUNNING
    assert end_of(scheduler).state is JobState.SUCCEEDED
    assert (job.folder / batch_script.STDOUT).read_text() == "done\n"


def test_many_callers_at_once(tmp_path: Path) -> None:
    def call(index: int) -> str:
        own = LocalScheduler(tmp_path / "spool", cpus=4)
        scheduler_id = own.submit(spec(tmp_path, "echo x", name=f"job.{index % 10}"))
        own.jobs()
        return scheduler_id

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(call, range(40)))
    scheduler = LocalScheduler(tmp_path / "spool", cpus=4)
    assert len(set(ids)) == 10
    for index in range(10):
        assert end_of(scheduler, f"job.{index}").state is JobState.SUCCEEDED
        assert (tmp_path / f"job.{index}" / batch_script.STDOUT).read_text() == "x\n"


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
