"""The Slurm client: the only module that imports pyslurm, and only at the first use of a cluster.

libslurm exits the whole process when it cannot use a configuration, keeps one configuration per process
for ever, and pyslurm blocks every thread during a call. So a child process tries the configuration first,
and only a cluster's worker and watcher use this client, never the API.
"""

import math
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gateway.clusters.telemetry import PartitionFigures
from gateway.errors import SchedulerError, SchedulerUnavailable
from gateway.processes import plain_environment
from gateway.schedulers import batch_script
from gateway.schedulers.base import Accounting, JobReport, JobSpec, RunLimits
from gateway.schedulers.slurm import reports
from gateway.schedulers.slurm.partitions import largest_nodes, partition_figures
from gateway.schedulers.slurm.records import SlurmJob, SlurmNode, SlurmPartition
from gateway.schedulers.slurm.recovery import recover_report
from gateway.schedulers.slurm.refusals import explain_refusal
from gateway.schedulers.slurm.submission import submission_options
from gateway.states import JobState

# Errors after which the same call may succeed: the controller or munge is down, slow, starting or full.
TRANSIENT = frozenset(
    {
        *range(1000, 1005),  # the connection broke
        1007,  # authentication: munge is down here or there
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
_PROBE_TIMEOUT_S = 60
_PROBE = "import sys, pyslurm; pyslurm.slurm_init(sys.argv[1])"
_NODE_CPUS_VALID_S = 60.0
_ACCOUNTING = "accounting_storage/slurmdbd"
_ID = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


@dataclass(frozen=True)
class SlurmInstallation:
    """A Slurm installation: its configuration file, and the PATH with which its nodes find `srun`."""

    conf: Path
    path: str


class SlurmScheduler:
    """Submits jobs to Slurm and lists all of them in one call."""

    def __init__(self, installation: SlurmInstallation) -> None:
        self._path = installation.path
        self._slurm = _load_pyslurm(installation.conf)
        self._node_cpus: tuple[float, dict[str, int]] = (-math.inf, {})

    def submit(self, spec: JobSpec) -> str:
        """Submit the job. After a crash or a time-out call `find` first: Slurm accepts a name twice."""
        script = batch_script.render(spec)
        nodes = spec.resources.nodes or self._nodes_needed(spec)
        with self._translate_errors(spec):
            options = submission_options(spec, nodes, self._path)
            description = self._slurm.JobSubmitDescription(**options, script=script)
            return str(description.submit())

    def find(self, name: str, folder: Path) -> JobReport | None:
        """Return the report of a job by name, from its folder when Slurm has forgotten it."""
        return self.jobs().get(name) or self.recall(name, folder)

    def recall(self, name: str, folder: Path) -> JobReport | None:
        """Recover the report of a job that Slurm has forgotten from its folder, else from the accounting."""
        report = recover_report(name, folder)
        if report is not None and report.state is not JobState.LOST:
            return report
        return self._report_from_accounting(name) or report

    def accounting(self, name: str) -> Accounting | None:
        """Return the measurements of slurmdbd; among copies of the job those of the longest one."""
        with self._translate_errors():
            copies = [_accounting(job) for job in self._accounting_records(name)]
        return max(copies, key=lambda job: job.elapsed_s or 0, default=None)

    def _report_from_accounting(self, name: str) -> JobReport | None:
        with self._translate_errors():
            jobs = [_job(job) for job in self._accounting_records(name)]
        return reports.translate_jobs(jobs, os.getuid(), datetime.now(UTC)).get(name)

    def _accounting_records(self, name: str) -> list[Any]:
        if not self._has_accounting:
            return []
        found = self._slurm.db.Jobs.load(self._slurm.db.JobFilter(names=[name], users=[os.getuid()]))
        return list(found.values())

    @cached_property
    def _has_accounting(self) -> bool:
        return bool(self._slurm.slurmctld.Config.load().accounting_storage_type == _ACCOUNTING)

    def jobs(self) -> dict[str, JobReport]:
        """Return the reports of this account's jobs by name, and cancel copies that cannot start."""
        jobs = self._load_jobs()
        for job in reports.duplicate_jobs(jobs, os.getuid()):
            self.cancel(str(job.id))
        nodes = self._load_nodes() if reports.any_waits_for_nodes(jobs, os.getuid()) else []
        return reports.translate_jobs(jobs, os.getuid(), datetime.now(UTC), nodes)

    def cancel(self, scheduler_id: str) -> None:
        """End the job: SIGTERM, then SIGKILL after Slurm's KillWait; an unknown or ended job is no error."""
        if _ID.fullmatch(scheduler_id):
            with self._translate_errors():
                self._slurm.Job(int(scheduler_id)).cancel()

    def partitions(self) -> list[PartitionFigures]:
        """Return the live figures of every partition."""
        return partition_figures(self._load_partitions(), self._load_nodes(), self._load_jobs())

    def _load_jobs(self) -> list[SlurmJob]:
        with self._translate_errors():
            return [_job(job) for job in self._slurm.Jobs.load().values()]

    def _load_partitions(self) -> list[SlurmPartition]:
        with self._translate_errors():
            return [
                SlurmPartition(p.name, is_up=p.state == "UP", is_default=p.is_default)
                for p in self._slurm.Partitions.load().values()
            ]

    def _load_nodes(self) -> list[SlurmNode]:
        with self._translate_errors():
            return [
                SlurmNode(n.name, n.state, n.effective_cpus, n.idle_cpus, tuple(n.partitions))
                for n in self._slurm.Nodes.load().values()
            ]

    def _nodes_needed(self, spec: JobSpec) -> int:
        """Return the number of the partition's largest nodes that the ranks need; Slurm assumes one node."""
        cpus = self._largest_nodes().get(spec.resources.partition, 1)
        cpus = min(cpus, spec.resources.cpus_per_node or cpus)
        return math.ceil(spec.ranks / max(1, cpus // spec.threads))

    def _largest_nodes(self) -> dict[str, int]:
        """Return the CPUs of each partition's largest node; "" names the default partition as well."""
        loaded_at, cpus = self._node_cpus
        if time.monotonic() - loaded_at > _NODE_CPUS_VALID_S:
            cpus = largest_nodes(self._load_partitions(), self._load_nodes())
            self._node_cpus = (time.monotonic(), cpus)
        return cpus

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


def _job(job: Any) -> SlurmJob:
    return SlurmJob(
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
        restarts=getattr(job, "requeue_count", 0) or 0,  # the accounting has none
        limits=_limits(job),
    )


def _limits(job: Any) -> RunLimits:
    """Return the limits of a job record; Slurm counts minutes, and MiB of all CPUs together."""
    minutes, memory = job.time_limit, job.memory
    return RunLimits(
        time_limit_s=minutes * 60 if isinstance(minutes, int) else None,
        memory_per_cpu_bytes=memory * 2**20 // job.cpus if isinstance(memory, int) and job.cpus else None,
    )


def _accounting(job: Any) -> Accounting:
    # Slurm reports 0 for a figure that its cluster does not gather.
    return Accounting(
        elapsed_s=job.elapsed_time or None,
        cpu_s=job.stats.total_cpu_time or None,
        resident_memory_bytes=job.stats.resident_memory or None,
    )


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


def check_conf(conf: Path) -> None:
    """Raise SchedulerUnavailable unless libslurm accepts this configuration in a child process.

    The error is transient, because a worker's machine that is not set up is no fault of a job.
    """
    if find_spec("pyslurm") is None:
        raise SchedulerUnavailable(
            "pyslurm is not installed here: install hpc-gateway[slurm] (docs/admins.md)"
        )
    if not os.access(conf, os.R_OK):
        raise SchedulerUnavailable(
            f"Slurm's configuration {conf} does not exist or cannot be read by this account"
        )
    probe = subprocess.run(
        [sys.executable, "-P", "-c", _PROBE, str(conf)],
        env={**plain_environment(), "PYSLURM_DISABLE_AUTO_INIT": "1"},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=_PROBE_TIMEOUT_S,
        check=False,
    )
    if probe.returncode != 0:
        message = (probe.stderr.strip().splitlines() or ["it printed no message"])[-1]
        raise SchedulerUnavailable(f"libslurm cannot use {conf}: {message}")
