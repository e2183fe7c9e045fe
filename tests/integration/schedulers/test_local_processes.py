"""The processes of the local scheduler's jobs: kills, children left behind, other boots, callers that end."""

import concurrent.futures
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from gateway.schedulers import attempt_record, batch_script
from gateway.schedulers.local import attempt
from gateway.schedulers.local.scheduler import LocalScheduler
from gateway.states import JobState
from tests.integration.schedulers.local_jobs import PERIOD_S, end_of, spec, submitted
from tests.polling import until


def start_of(folder: Path) -> attempt_record.Start:
    return until("the job has started", lambda: attempt_record.read_start(folder), period_s=PERIOD_S)


def test_a_cancelled_job_that_hangs_is_killed(
    scheduler: LocalScheduler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempt, "KILL_AFTER_S", 3600)  # a busy machine must not come to it by itself
    job = spec(tmp_path, "sleep 31")
    scheduler_id = scheduler.submit(job)
    start = start_of(job.folder)
    os.kill(start.pid, signal.SIGSTOP)
    until("the script is stopped", lambda: psutil.Process(start.pid).status() == psutil.STATUS_STOPPED)
    scheduler.cancel("job.1", scheduler_id)
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
    report = scheduler.find(submitted(job))
    (job.folder / batch_script.STARTED).write_text(start.model_dump_json())
    assert report is not None
    assert report.state is JobState.FAILED
    scheduler.cancel("job.1", scheduler_id)
    os.kill(start.pid, signal.SIGTERM)


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
