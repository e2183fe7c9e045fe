"""SIGKILL of the local scheduler's caller at every line it executes: no job lost, none run twice."""

import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from gateway.schedulers import attempt_record, batch_script
from gateway.schedulers.base import JobSpec
from gateway.schedulers.local import attempt, launch, spool
from gateway.schedulers.local import scheduler as local_scheduler
from gateway.schedulers.local.scheduler import LocalScheduler
from gateway.states import JobState
from tests.polling import until

TRACED = {module.__file__ for module in (attempt, attempt_record, launch, local_scheduler, spool)}


def job_in(root: Path) -> JobSpec:
    command = ("/bin/bash", "-c", "echo once")
    return JobSpec("job.1", root / "job.1", command, ranks=1, threads=1, launcher="processes")


def kill_at_line(line: int, act: Callable[[], object]) -> bool:
    """Act in a child that is killed before it executes its n-th line; tell whether it got that far."""
    child = os.fork()
    if child == 0:
        left = line

        def trace(frame: FrameType, event: str, _argument: object) -> Any:
            nonlocal left
            if frame.f_code.co_filename not in TRACED:
                return None
            if event == "line":
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return trace

        sys.settrace(trace)
        act()
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


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
        died = kill_at_line(line, lambda s=scheduler, j=job: s.submit(j))  # type: ignore[misc]
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
            line, scheduler.jobs if act == "jobs" else partial(scheduler.cancel, "job.1", "1")
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
