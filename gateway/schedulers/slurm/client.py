"""The pyslurm client: the only module that imports pyslurm, and only at the first use of a cluster.

libslurm exits the whole process when it cannot use a configuration, keeps one configuration per process
for ever, and pyslurm blocks every thread during a call. So a child process tries the configuration first,
and only a cluster's worker and watcher use this client, never the API.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from gateway.errors import SchedulerError
from gateway.schedulers import batch_script
from gateway.schedulers.base import Accounting, JobSpec, SubmittedJob
from gateway.schedulers.slurm import accounting
from gateway.schedulers.slurm.copies import was_cut_short
from gateway.schedulers.slurm.errors import UNKNOWN_JOB, slurm_error
from gateway.schedulers.slurm.own_jobs import load_own_jobs
from gateway.schedulers.slurm.probe import check_conf
from gateway.schedulers.slurm.records import SlurmJob, SlurmNode, SlurmPartition, of_array, run_limits


@dataclass(frozen=True)
class SlurmInstallation:
    """A Slurm installation: its configuration file, and the PATH with which its nodes find `srun`."""

    conf: Path
    path: str


class PyslurmClient:
    """Slurm through pyslurm, as the process's own account."""

    def __init__(self, installation: SlurmInstallation) -> None:
        self._path = installation.path
        self._slurm = _load_pyslurm(installation.conf)

    @property
    def user_id(self) -> int:
        """The number of the account whose jobs these are."""
        return os.getuid()

    def submit(self, spec: JobSpec, options: dict[str, object], script: str) -> str:
        """Submit the script with the options and return the job's id."""
        environment = {**batch_script.ENVIRONMENT, "PATH": self._path, "HOME": str(Path.home())}
        with self._translate_errors(spec):
            description = self._slurm.JobSubmitDescription(**options, environment=environment, script=script)
            return str(description.submit())

    def cancel(self, name: str, job_id: int) -> None:
        """End the job of this id, if it has this name."""
        with self._translate_errors():
            if self._has_name(job_id, name):
                self._slurm.Job(job_id).cancel()

    def _has_name(self, job_id: int, name: str) -> bool:
        try:
            job = self._slurm.Job.load(job_id)
        except self._slurm.RPCError as error:
            if error.errno == UNKNOWN_JOB:
                return False
            raise
        return bool(job.name == name and job.user_id == self.user_id)

    def measure(self, job: SubmittedJob) -> list[tuple[str, Accounting]]:
        """Return the measurements of slurmdbd, of each copy of the job or member, with its name."""
        with self._translate_errors():
            return [
                (_job(record, record.nodelist).name, accounting.measurements(record))
                for record in self._accounting_records([job])
            ]

    def recorded_jobs(self, jobs: Sequence[SubmittedJob]) -> list[SlurmJob]:
        """Return the records that slurmdbd keeps of the jobs."""
        with self._translate_errors():
            return [_job(record, record.nodelist) for record in self._accounting_records(jobs)]

    def _accounting_records(self, jobs: Sequence[SubmittedJob]) -> list[Any]:
        return accounting.load_records(self._slurm, jobs, self.user_id) if self._has_accounting else []

    @property
    def _has_accounting(self) -> bool:
        return bool(self._slurm_config.accounting_storage_type == accounting.STORAGE_TYPE)

    def largest_array(self) -> int:
        """Return the most members of one array: Slurm's MaxArraySize bounds the index, here from 1 on."""
        return max(1, int(self._slurm_config.max_array_size or 0) - 1)

    def min_job_age_s(self) -> int:
        """Return for how long slurmctld lists an ended job; 0 is for ever."""
        return int(self._slurm_config.min_job_age or 0)

    @cached_property
    def _slurm_config(self) -> Any:
        with self._translate_errors():
            return self._slurm.slurmctld.Config.load()

    def check(self) -> None:
        """Raise SchedulerUnavailable unless slurmctld answers; the partitions are its smallest answer."""
        self.partitions()

    def own_jobs(self) -> list[SlurmJob]:
        """Return the jobs of this account that slurmctld lists."""
        with self._translate_errors():
            jobs = [_job(job, job.allocated_nodes) for job in load_own_jobs(self._slurm, self.user_id)]
        if not any(map(was_cut_short, jobs)):
            return jobs
        since = self._controller_since()
        return [replace(job, controller_since=since) for job in jobs]

    def _controller_since(self) -> datetime | None:
        with self._translate_errors():
            return _utc(self._slurm.slurmctld.Config.load().slurmctld_boot_time)

    def jobs(self) -> list[SlurmJob]:
        """Return the jobs of all accounts."""
        with self._translate_errors():
            return [_job(job, job.allocated_nodes) for job in self._slurm.Jobs.load().values()]

    def pending_jobs_of_others(self) -> list[SlurmJob]:
        """Return the pending jobs of other accounts."""
        with self._translate_errors():
            jobs = self._slurm.Jobs.load().values()
            return [_job(job, None) for job in jobs if job.user_id != self.user_id and job.state == "PENDING"]

    def partitions(self) -> list[SlurmPartition]:
        """Return all partitions."""
        with self._translate_errors():
            return [
                SlurmPartition(
                    p.name, p.state == "UP", p.is_default, _limit(p.max_nodes), _limit(p.max_cpus_per_node)
                )
                for p in self._slurm.Partitions.load().values()
            ]

    def nodes(self) -> list[SlurmNode]:
        """Return all nodes."""
        with self._translate_errors():
            return [
                SlurmNode(
                    n.name,
                    n.state,
                    n.effective_cpus,
                    n.idle_cpus,
                    tuple(n.partitions),
                    (n.real_memory or 0) - (n.memory_reserved_for_system or 0),
                )
                for n in self._slurm.Nodes.load().values()
            ]

    @contextmanager
    def _translate_errors(self, submitted: JobSpec | None = None) -> Iterator[None]:
        """Translate the exceptions of pyslurm into the gateway's errors, with Slurm's own messages."""
        try:
            yield
        except self._slurm.RPCError as error:
            raise slurm_error(error.errno or 0, error.msg, submitted) from error
        except (self._slurm.PyslurmError, ValueError) as error:
            raise SchedulerError(f"Slurm refused: {error}") from error


def _job(job: Any, nodes: str | None) -> SlurmJob:
    record = SlurmJob(
        id=job.id,
        name=job.name or "",
        state=job.state,
        reason=job.state_reason or "",
        partition=job.partition or "",
        priority=job.priority or 0,
        nodes=job.num_nodes or 0,
        cpus=job.cpus or 0,
        folder=Path(job.working_directory or "/"),
        user_id=job.user_id,
        exit_code=job.exit_code,
        signal=job.exit_code_signal,
        start_at=_utc(job.start_time),
        end_at=_utc(job.end_time),
        is_allocated=nodes not in {None, "", accounting.NO_NODES},
        restarts=getattr(job, "requeue_count", 0) or 0,  # the accounting has none
        limits=run_limits(job),
    )
    return of_array(record, job.array_id, job.array_task_id)


def _limit(value: object) -> int | None:
    # Without a limit, pyslurm has None or the word UNLIMITED.
    return value if isinstance(value, int) else None


def _utc(epoch: int | None) -> datetime | None:
    return datetime.fromtimestamp(epoch, UTC) if epoch else None


@lru_cache(maxsize=1)
def _used_conf() -> list[Path]:
    return []


def _load_pyslurm(conf: Path) -> Any:
    """Import and initialise pyslurm once per process; raise where libslurm would exit the process."""
    if _used_conf() and _used_conf() != [conf]:
        raise SchedulerError(
            f"this process already uses {_used_conf()[0]} and cannot use {conf} as well:"
            " start one worker per cluster"
        )
    if not _used_conf():
        check_conf(conf)
        os.environ["PYSLURM_DISABLE_AUTO_INIT"] = "1"
        import pyslurm  # noqa: PLC0415  see the module's first lines

        pyslurm.slurm_init(str(conf))
        _used_conf().append(conf)
    return sys.modules["pyslurm"]
