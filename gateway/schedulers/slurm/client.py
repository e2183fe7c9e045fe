"""The Slurm client: the only module that imports pyslurm, and only at the first use of a cluster.

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

from gateway.clusters.telemetry import PartitionFigures
from gateway.errors import ArrayTooLarge, GatewayError, SchedulerError, SchedulerUnavailable
from gateway.schedulers import batch_script
from gateway.schedulers.arrays import array_id, member_folder, member_name, split_name
from gateway.schedulers.base import Accounting, JobReport, JobSpec, SubmittedJob, submit_each
from gateway.schedulers.slurm import accounting, reports
from gateway.schedulers.slurm.copies import was_cut_short
from gateway.schedulers.slurm.forgotten import ForgottenJobs
from gateway.schedulers.slurm.node_count import nodes_needed
from gateway.schedulers.slurm.own_jobs import load_own_jobs
from gateway.schedulers.slurm.partitions import partition_figures
from gateway.schedulers.slurm.pending import waits_for_nodes
from gateway.schedulers.slurm.periodic import Periodic
from gateway.schedulers.slurm.probe import check_conf
from gateway.schedulers.slurm.queue_snapshot import Positions, QueueSnapshot, Room
from gateway.schedulers.slurm.records import SlurmJob, SlurmNode, SlurmPartition, run_limits
from gateway.schedulers.slurm.recovery import recover_array
from gateway.schedulers.slurm.refusals import explain_refusal
from gateway.schedulers.slurm.states import has_ended
from gateway.schedulers.slurm.submission import submission_options

# Errors after which the same call may succeed: the controller or munge is down, slow, starting or full.
TRANSIENT = frozenset(
    {
        *range(1000, 1005),  # the connection broke
        1007,  # authentication: munge is down here or there
        *range(1013, 1017),  # the connection is gone: the controller was killed in the middle of a request
        *range(1800, 1807),  # no connection to the controller, or it asks to back off
        2007,  # as many jobs as MaxJobCount allows
        2027,  # a controller in standby
        2105,  # submissions are disabled for now
        2131,  # a controller in standby, use the other
        *range(5003, 5006),  # the answer did not come in time
        *range(6000, 6010),  # authentication, as above; an expired credential
    }
)
_FIRST_SLURM_ERROR = 1000  # smaller numbers are errno values: a refused connection, a time-out
_UNKNOWN_JOB = 2017
_ACCOUNTING_POLICY = 2050  # too many jobs at the moment, or a job that is too large for ever
SNAPSHOT_PERIOD_S = 60.0


@dataclass(frozen=True)
class SlurmInstallation:
    """A Slurm installation: its configuration file, and the PATH with which its nodes find `srun`."""

    conf: Path
    path: str


class SlurmScheduler:
    """Submits jobs to Slurm and lists those of its account in one call.

    Nodes, partitions and the other accounts' jobs are loaded when they are needed, and at most once a minute.
    """

    def __init__(self, installation: SlurmInstallation) -> None:
        self._path = installation.path
        self._slurm = _load_pyslurm(installation.conf)
        self._forgotten = ForgottenJobs(self._ask_accounting, self._min_job_age_s)
        self._partitions = Periodic(self._load_partitions, SNAPSHOT_PERIOD_S)
        self._nodes = Periodic(self._load_nodes, SNAPSHOT_PERIOD_S)
        self._room = Periodic(lambda: Room(self._load_nodes()), SNAPSHOT_PERIOD_S)
        self._others = Periodic(lambda: Positions(self._load_others()), SNAPSHOT_PERIOD_S)

    def largest_array(self) -> int:
        """Return the most members of one array: Slurm's MaxArraySize bounds the index, here from 1 on."""
        return max(1, int(self._slurm_config.max_array_size or 0) - 1)

    def submit(self, spec: JobSpec) -> str:
        """Submit the job. After a crash or a time-out call `find` first: Slurm accepts a name twice."""
        script = batch_script.render(spec)
        nodes = spec.resources.nodes or nodes_needed(spec, self._partitions.get(), self._nodes.get())
        options = submission_options(spec, nodes, self._path)
        try:
            with self._translate_errors(spec):
                description = self._slurm.JobSubmitDescription(**options, script=script)
                return str(description.submit())
        except SchedulerError as error:
            if _number_of(error) == _ACCOUNTING_POLICY and spec.is_array:
                raise ArrayTooLarge(error.detail) from error
            if _number_of(error) == _ACCOUNTING_POLICY and self._has_unfinished_jobs():
                raise SchedulerUnavailable(f"{error.detail}; it is submitted again") from error
            raise

    def _has_unfinished_jobs(self) -> bool:
        """Tell whether this account has jobs in Slurm whose ends may make room in a limit."""
        return any(not has_ended(job.state) for job in self._load_own_jobs())

    def submit_many(self, specs: Sequence[JobSpec]) -> list[str | GatewayError]:
        """Submit the jobs one after the other, since Slurm takes one at a time."""
        return submit_each(self.submit, specs)

    def find(self, job: SubmittedJob) -> JobReport | None:
        """Return the report of a job by name, from its folder or the accounting if Slurm has forgotten it."""
        if job.array_size > 1:
            return self._find_array(job)
        return self.jobs().get(job.name) or self._forgotten.find(job)

    def _find_array(self, job: SubmittedJob) -> JobReport | None:
        """Return the report of any member that Slurm lists, or that has started, however long ago."""
        listed = (report for name, report in self.jobs().items() if split_name(name)[0] == job.name)
        return next(listed, None) or recover_array(job)

    def recall(self, jobs: Sequence[SubmittedJob]) -> dict[str, JobReport | None]:
        """Recover the reports of jobs that Slurm does not list from their folders and the accounting."""
        return self._forgotten.judge(jobs)

    def accounting(self, job: SubmittedJob) -> Accounting | None:
        """Return the measurements of slurmdbd; among copies of the job those of the longest one."""
        with self._translate_errors():
            copies = [accounting.measurements(record) for record in self._accounting_records([job])]
        return max(copies, key=lambda copy: copy.elapsed_s or 0, default=None)

    def _ask_accounting(self, jobs: Sequence[SubmittedJob]) -> dict[str, JobReport]:
        with self._translate_errors():
            found = [_job(record, record.nodelist) for record in self._accounting_records(jobs)]
        return reports.translate_jobs(found, os.getuid(), datetime.now(UTC))

    def _accounting_records(self, jobs: Sequence[SubmittedJob]) -> list[Any]:
        return accounting.load_records(self._slurm, jobs, os.getuid()) if self._has_accounting else []

    @property
    def _has_accounting(self) -> bool:
        return bool(self._slurm_config.accounting_storage_type == accounting.STORAGE_TYPE)

    def _min_job_age_s(self) -> int:
        return int(self._slurm_config.min_job_age or 0)

    @cached_property
    def _slurm_config(self) -> Any:
        with self._translate_errors():
            return self._slurm.slurmctld.Config.load()

    def jobs(self) -> dict[str, JobReport]:
        """Return the reports of this account's jobs by name, and cancel copies that cannot start."""
        jobs = self._load_own_jobs()
        for job in reports.duplicate_jobs(jobs, os.getuid()):
            self.cancel(job.name, str(job.id))
        return reports.translate_jobs(jobs, os.getuid(), datetime.now(UTC), self._snapshot(jobs))

    def _snapshot(self, own: list[SlurmJob]) -> QueueSnapshot:
        """Return the queue of at most a minute ago, as far as the account's pending jobs need it."""
        return QueueSnapshot(
            self._others.get() if any(job.state == "PENDING" for job in own) else Positions(),
            self._room.get() if any(map(waits_for_nodes, own)) else Room(),
        )

    def cancel(self, name: str, scheduler_id: str) -> None:
        """End the job: SIGTERM, then SIGKILL after Slurm's KillWait; an unknown or ended job is no error.

        A restarted slurmctld may have given the id to another job, which is left alone.
        """
        submitted_id = array_id(scheduler_id)
        if accounting.ID.fullmatch(submitted_id):
            with self._translate_errors():
                if self._has_name(int(submitted_id), name):
                    self._slurm.Job(int(submitted_id)).cancel()

    def _has_name(self, job_id: int, name: str) -> bool:
        try:
            job = self._slurm.Job.load(job_id)
        except self._slurm.RPCError as error:
            if error.errno == _UNKNOWN_JOB:
                return False
            raise
        return bool(job.name == name and job.user_id == os.getuid())

    def partitions(self) -> list[PartitionFigures]:
        """Return the live figures of every partition."""
        return partition_figures(self._load_partitions(), self._load_nodes(), self._load_jobs())

    def check(self) -> None:
        """Raise SchedulerUnavailable unless slurmctld answers; the partitions are its smallest answer."""
        self._load_partitions()

    def _load_own_jobs(self) -> list[SlurmJob]:
        with self._translate_errors():
            jobs = [_job(job, job.allocated_nodes) for job in load_own_jobs(self._slurm, os.getuid())]
        if not any(map(was_cut_short, jobs)):
            return jobs
        since = self._controller_since()
        return [replace(job, controller_since=since) for job in jobs]

    def _controller_since(self) -> datetime | None:
        with self._translate_errors():
            return _utc(self._slurm.slurmctld.Config.load().slurmctld_boot_time)

    def _load_jobs(self) -> list[SlurmJob]:
        with self._translate_errors():
            return [_job(job, job.allocated_nodes) for job in self._slurm.Jobs.load().values()]

    def _load_others(self) -> list[SlurmJob]:
        """Return the pending jobs of other accounts."""
        with self._translate_errors():
            jobs = self._slurm.Jobs.load().values()
            return [_job(job, None) for job in jobs if job.user_id != os.getuid() and job.state == "PENDING"]

    def _load_partitions(self) -> list[SlurmPartition]:
        with self._translate_errors():
            return [
                SlurmPartition(
                    p.name, p.state == "UP", p.is_default, _limit(p.max_nodes), _limit(p.max_cpus_per_node)
                )
                for p in self._slurm.Partitions.load().values()
            ]

    def _load_nodes(self) -> list[SlurmNode]:
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
            number = error.errno or 0
            if number < _FIRST_SLURM_ERROR or number in TRANSIENT:
                raise SchedulerUnavailable(f"Slurm does not answer: {error.msg} ({number})") from error
            why = "" if submitted is None else f": {explain_refusal(number, submitted)}"
            raise SchedulerError(f"Slurm refused: {error.msg} ({number}){why}") from error
        except (self._slurm.PyslurmError, ValueError) as error:
            raise SchedulerError(f"Slurm refused: {error}") from error


def _number_of(error: SchedulerError) -> int:
    """Return the number of Slurm's error that is the cause."""
    return int(getattr(error.__cause__, "errno", 0) or 0)


def _job(job: Any, nodes: str | None) -> SlurmJob:
    name, folder, index = job.name or "", Path(job.working_directory or "/"), job.array_task_id
    if index is not None:
        name, folder = member_name(name, index), member_folder(folder, index)
    return SlurmJob(
        id=job.id,
        name=name,
        state=job.state,
        reason=job.state_reason or "",
        partition=job.partition or "",
        priority=job.priority or 0,
        nodes=job.num_nodes or 0,
        cpus=job.cpus or 0,
        folder=folder,
        user_id=job.user_id,
        exit_code=job.exit_code,
        signal=job.exit_code_signal,
        start_at=_utc(job.start_time),
        end_at=_utc(job.end_time),
        is_allocated=nodes not in {None, "", accounting.NO_NODES},
        restarts=getattr(job, "requeue_count", 0) or 0,  # the accounting has none
        limits=run_limits(job),
        array_id=job.array_id,
        index=index,
    )


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
