"""A scheduler of a cluster whose control folder is behind SFTP: the records of attempts are read there."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from gateway.attempt_files import reading_by
from gateway.clusters.configuration import Cluster
from gateway.clusters.telemetry import PartitionFigures
from gateway.errors import FilesystemError, FilesystemUnavailable, GatewayError, SchedulerUnavailable
from gateway.filesystems.opening import open_control_root
from gateway.schedulers.base import Accounting, JobReport, JobSpec, Scheduler, SubmittedJob


class FarRecords:
    """Passes each call on; those that read records of attempts find them on the cluster."""

    def __init__(self, scheduler: Scheduler, cluster: Cluster) -> None:
        self._scheduler, self._cluster = scheduler, cluster

    def largest_array(self) -> int:
        """Return the most members of one array."""
        return self._scheduler.largest_array()

    def submit(self, spec: JobSpec) -> str:
        """Submit the job and return its id in the scheduler."""
        with reading_by(self._read):
            return self._scheduler.submit(spec)

    def submit_many(self, specs: Sequence[JobSpec]) -> Sequence[str | GatewayError]:
        """Submit the jobs in this order; return the id or the error of each."""
        with reading_by(self._read):
            return self._scheduler.submit_many(specs)

    def find(self, job: SubmittedJob) -> JobReport | None:
        """Return the job that was submitted under this name, or None."""
        with reading_by(self._read):
            return self._scheduler.find(job)

    def recall(self, jobs: Sequence[SubmittedJob]) -> dict[str, JobReport | None]:
        """Recover the reports of all jobs that `jobs` has left out, by name."""
        with reading_by(self._read):
            return self._scheduler.recall(jobs)

    def jobs(self) -> dict[str, JobReport]:
        """Return the reports of all jobs in the scheduler, by name, from one call."""
        with reading_by(self._read):
            return self._scheduler.jobs()

    def accounting(self, job: SubmittedJob) -> dict[str, Accounting]:
        """Return the measurements of an ended job or array by name."""
        with reading_by(self._read):
            return self._scheduler.accounting(job)

    def cancel(self, name: str, scheduler_id: str) -> None:
        """Request the job's end."""
        self._scheduler.cancel(name, scheduler_id)

    def partitions(self) -> list[PartitionFigures]:
        """Return the live figures of every partition."""
        return self._scheduler.partitions()

    def check(self) -> None:
        """Raise SchedulerError unless the scheduler answers."""
        self._scheduler.check()

    def _read(self, path: Path, limit_bytes: int, *, tail: bool) -> bytes | None:
        """Read a file of an attempt: below the control folder that the attempt began in."""
        folder = PurePosixPath(path.parent)
        try:
            found = (
                open_control_root(self._cluster, folder.parent)
                .attempt_folder(folder)
                .read_range(path.name, 0, limit_bytes if tail else None, limit_bytes)
            )
        except FilesystemUnavailable as error:
            raise SchedulerUnavailable(error.detail) from error
        except FilesystemError as error:
            if isinstance(error.__cause__, FileNotFoundError | NotADirectoryError):
                return None
            raise
        return None if found is None else found.data
