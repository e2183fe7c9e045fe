"""A scheduler whose queue is a folder, and the submission of jobs to it."""

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from gateway.errors import SchedulerError
from gateway.schedulers.base import JobReport, JobSpec, SubmittedJob
from gateway.states import JobState
from tests.rows import job
from workers.job_submission import submit_jobs

WORKER = "w1"


class Queue:
    """A scheduler whose queue is a folder, so that it outlives a process that is killed."""

    def __init__(self, folder: Path, refusals: dict[UUID, SchedulerError] | None = None) -> None:
        self._folder, self._refusals = folder, refusals or {}
        folder.mkdir(exist_ok=True)
        self.looks = 0

    def submit_many(self, specs: Sequence[JobSpec]) -> list[str | SchedulerError]:
        return [self._submit(spec) for spec in specs]

    def _submit(self, spec: JobSpec) -> str | SchedulerError:
        row_id = UUID(spec.name.split(".")[0])
        if row_id in self._refusals:
            return self._refusals[row_id]
        assert (spec.folder / "job.json").read_text()
        assert job(row_id).output_identity is not None, "its folders are on record before it is submitted"
        number = len(self.names()) + 1
        (self._folder / f"{number}.{spec.name}").touch()
        return str(number)

    def find(self, wanted: SubmittedJob) -> JobReport | None:
        self.looks += 1
        found = [number for number, name in self.names() if name == wanted.name]
        return JobReport(wanted.name, found[0], JobState.PENDING) if found else None

    def names(self) -> list[tuple[str, str]]:
        """Return number and name of every submission."""
        return [(path.name.partition(".")[0], path.name.partition(".")[2]) for path in self._folder.iterdir()]


def submit(*row_ids: UUID, worker: str = WORKER) -> None:
    """Submit the jobs as a worker does for one message."""
    submit_jobs(worker, list(map(str, row_ids)))
