"""A job that has ended before its start never starts, whatever the scheduler remembers later."""

from pathlib import Path

import pytest
from sqlalchemy import update

from gateway.db import session_scope
from gateway.models import Job
from gateway.schedulers.attempt_record import read_start
from gateway.schedulers.batch_script import EXIT, STDOUT
from gateway.states import JobState
from tests import running_jobs
from tests.polling import until
from tests.rows import job, new_job
from workers.tasks import jobs as tasks

pytestmark = pytest.mark.usefixtures("database")


@pytest.mark.parametrize("state", [JobState.CANCELLED, JobState.NODE_FAILURE])
def test_a_job_that_ended_before_its_start_never_starts(home: Path, tmp_path: Path, state: JobState) -> None:
    running_jobs.use_kernel(tmp_path, cpus=1)
    hold = home / running_jobs.DATA / "hold"
    hold.touch()
    first = running_jobs.submit(new_job("fft", num_mpi_procs=1))
    until("it computes", (running_jobs.control_of(home, first) / STDOUT).exists)
    waiting = running_jobs.submit(new_job("fft", num_mpi_procs=1))
    hold.unlink()
    with session_scope() as session:
        finding = {"state": state, "exit_code": None, "reason": "ended before it started"}
        session.execute(update(Job).where(Job.id == waiting.id).values(finding=finding))
    tasks.finish.apply(args=[str(waiting.id)])
    assert job(waiting.id).state is state
    folder = running_jobs.control_of(home, waiting)
    start = read_start(folder)
    assert start is not None
    assert start.abandoned
    running_jobs.scheduler().cancel(first.name, first.scheduler_id)
    until(
        "its turn has come",
        lambda: running_jobs.scheduler().jobs()[waiting.name].state is not JobState.PENDING,
    )
    assert not (folder / EXIT).exists()
    assert not (folder / STDOUT).exists()
