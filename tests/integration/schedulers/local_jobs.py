"""Jobs of the local scheduler in the tests, and their ends."""

from datetime import UTC, datetime
from pathlib import Path

from gateway.schedulers.base import JobReport, JobSpec, SubmittedJob
from gateway.schedulers.local.scheduler import LocalScheduler
from gateway.states import JobState
from tests.polling import until

PERIOD_S = 0.01


def spec(tmp_path: Path, text: str = "true", *, name: str = "job.1", ranks: int = 1) -> JobSpec:
    command = ("/bin/bash", "-c", text)
    return JobSpec(name, tmp_path / name, command, ranks=ranks, threads=1, launcher="processes")


def submitted(job: JobSpec, scheduler_id: str = "") -> SubmittedJob:
    return SubmittedJob(job.name, scheduler_id, job.folder, datetime.now(UTC))


def end_of(scheduler: LocalScheduler, name: str = "job.1") -> JobReport:
    going = {JobState.PENDING, JobState.RUNNING}
    until("the job has ended", lambda: scheduler.jobs()[name].state not in going, period_s=PERIOD_S)
    return scheduler.jobs()[name]
