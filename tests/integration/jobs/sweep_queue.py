"""A queue of job arrays in a folder, and the steps of a sweep on it."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from gateway.db import session_scope
from gateway.errors import ArrayTooLarge, SchedulerError
from gateway.jobs import watch
from gateway.jobs.watched_rows import WatchedJobs
from gateway.models import Job
from gateway.schedulers.base import JobReport, JobSpec, SubmittedJob
from gateway.states import JobState
from tests.rows import job, members_of
from workers.job_submission import submit_jobs

P, R, S, F = JobState.PENDING, JobState.RUNNING, JobState.SUCCEEDED, JobState.FAILED


class Arrays:
    """A scheduler whose queue is a folder, so that it outlives a process that is killed."""

    def __init__(self, folder: Path, largest: int = 1000) -> None:
        self._folder, self.largest = folder, largest
        self.room, self.error = 10**6, SchedulerError("no")
        self.reports: dict[str, JobReport] = {}
        self.recalled: dict[str, JobReport | None] = {}
        self.calls = Counter[str]()
        folder.mkdir(exist_ok=True)

    def largest_array(self) -> int:
        return self.largest

    def submit(self, spec: JobSpec) -> str:
        self.calls["submit"] += 1
        if spec.array_size > self.room:
            raise ArrayTooLarge("a limit") if spec.is_array else self.error
        self.room -= spec.array_size
        number = len(self.arrays()) + 1
        folders = [spec.folder / str(k) for k in range(1, spec.array_size + 1)]
        assert all((each / "job.json").is_file() for each in (folders if spec.is_array else [spec.folder]))
        (self._folder / f"{number:03d} {spec.name} {spec.array_size}").touch()
        return str(number)

    def find(self, asked: SubmittedJob) -> JobReport | None:
        found = [number for number, name, _ in self.arrays() if name == asked.name]
        return JobReport(asked.name, str(int(found[0])), P) if found else None

    def arrays(self) -> list[tuple[str, str, int]]:
        """Return number, name and size of every submission."""
        words = sorted(path.name.split() for path in self._folder.iterdir())
        return [(number, name, int(size)) for number, name, size in words]

    def jobs(self) -> dict[str, JobReport]:
        self.calls["jobs"] += 1
        return self.reports

    def recall(self, jobs: Sequence[SubmittedJob]) -> dict[str, JobReport | None]:
        self.calls["recall"] += bool(jobs)
        return {each.name: self.recalled[each.name] for each in jobs if each.name in self.recalled}

    def cancel(self, name: str, scheduler_id: str) -> None:
        self.calls[f"cancel {name} {scheduler_id}"] += 1


def strides(number: int) -> list[dict[str, object]]:
    return [{"perforation_stride": k} for k in range(1, number + 1)]


def submit(row_id: UUID) -> Job:
    submit_jobs("w1", [str(row_id)])
    return job(row_id)


def look(arrays: Arrays) -> None:
    watched = WatchedJobs("hpc")
    with session_scope(read_only=True) as session:
        watched.refresh(session)
    watch.look(arrays, watched)  # type: ignore[arg-type]  # it has what a look calls


def states(row_id: UUID) -> list[JobState]:
    return [member.state for member in members_of(row_id)]
