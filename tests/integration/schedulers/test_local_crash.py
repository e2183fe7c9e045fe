"""SIGKILL of the local scheduler's caller at every line it executes: no job lost, none run twice."""

from functools import partial
from pathlib import Path

import pytest

from gateway.schedulers import attempt_record, batch_script
from gateway.schedulers.base import JobSpec
from gateway.schedulers.local import attempt, launch, spool
from gateway.schedulers.local import scheduler as local_scheduler
from gateway.schedulers.local.scheduler import LocalScheduler
from gateway.states import JobState
from tests.killed_at_line import kill_at_line
from tests.polling import until

TRACED = {module.__file__ for module in (attempt, attempt_record, launch, local_scheduler, spool)}


def job_in(root: Path) -> JobSpec:
    command = ("/bin/bash", "-c", "echo once")
    return JobSpec("job.1", root / "job.1", command, ranks=1, threads=1, launcher="processes")


def wait_for_end(scheduler: LocalScheduler) -> JobState:
    going = {JobState.PENDING, JobState.RUNNING}
    until("the job has ended", lambda: scheduler.jobs()["job.1"].state not in going, period_s=0.005)
    state = scheduler.jobs()["job.1"].state
    assert state is not None
    return state


def test_submit_killed_anywhere(tmp_path: Path) -> None:
    line, died = 0, True
    while died:
        root = tmp_path / str(line)
        job = job_in(root)
        scheduler = LocalScheduler(root / "spool", cpus=1)
        died = kill_at_line(line, TRACED, partial(scheduler.submit, job))
        scheduler_id = scheduler.submit(job)
        assert wait_for_end(scheduler) is JobState.SUCCEEDED
        assert scheduler.jobs()["job.1"].scheduler_id == scheduler_id
        assert len(scheduler.jobs()) == 1
        assert (job.folder / batch_script.STDOUT).read_text() == "once\n"
        line += 1
    assert line > 50


@pytest.mark.parametrize("act", ["jobs", "cancel"])
def test_dispatch_and_cancel_killed_anywhere(tmp_path: Path, act: str) -> None:
    line, died = 0, True
    while died:
        root = tmp_path / str(line)
        job = job_in(root)
        submit_without_dispatch(root, job)
        scheduler = LocalScheduler(root / "spool", cpus=1)
        died = kill_at_line(
            line, TRACED, scheduler.jobs if act == "jobs" else partial(scheduler.cancel, "job.1", "1")
        )
        if act == "cancel":
            scheduler.cancel("job.1", "1")
        ended = {JobState.SUCCEEDED} if act == "jobs" else {JobState.CANCELLED, JobState.SUCCEEDED}
        state = wait_for_end(scheduler)
        assert state in ended
        ran = (job.folder / batch_script.STDOUT).exists()
        assert ran or state is JobState.CANCELLED
        assert not ran or (job.folder / batch_script.STDOUT).read_text() in {"once\n", ""}
        line += 1
    assert line > 30


def submit_without_dispatch(root: Path, job: JobSpec) -> None:
    queue = spool.Spool(root / "spool")
    with queue.lock():
        job.folder.mkdir(parents=True)
        (job.folder / batch_script.SCRIPT).write_text(batch_script.render(job))
        assert queue.add(job.name, job.folder, 1).number == 1
