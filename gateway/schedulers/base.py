"""What every scheduler can do, and the plain data that crosses its boundary."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from gateway.clusters.telemetry import PartitionFigures
from gateway.states import JobState

Launcher = Literal["srun", "processes"]


@dataclass(frozen=True)
class Resources:
    """What a job asks its scheduler for beside ranks and threads; None and "" leave it to the scheduler."""

    partition: str = ""
    account: str = ""
    qos: str = ""
    nodes: int | None = None
    cpus_per_node: int | None = None
    time_limit_s: int | None = None
    memory_per_cpu_bytes: int | None = None


@dataclass(frozen=True)
class JobSpec:
    """One attempt of a job, ready to submit.

    `name` is `<job id>.<attempt>`, by which a submitted job is found again; `folder` is the attempt's
    own folder on the cluster, where the script, the logs and the exit file live. Each of `ranks`
    processes runs `command` on `threads` cores with nothing but `environment`. `mpi` names what srun
    offers MPI in the ranks; "" leaves it to Slurm.
    """

    name: str
    folder: Path
    command: tuple[str, ...]
    ranks: int
    threads: int
    launcher: Launcher
    environment: dict[str, str] = field(default_factory=dict)
    resources: Resources = Resources()
    mpi: str = ""


@dataclass(frozen=True)
class JobReport:
    """What a scheduler says of one job at one moment. Times are aware and in UTC.

    `state` None is a word of the scheduler's that we do not know; `reason` shows it, nobody guesses.
    """

    name: str
    scheduler_id: str
    state: JobState | None
    exit_code: int | None = None
    reason: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True)
class Accounting:
    """What the scheduler itself measured of an ended job; None where it does not measure that."""

    elapsed_s: float | None
    cpu_s: float | None
    resident_memory_bytes: int | None


class Scheduler(Protocol):
    """A scheduler's few verbs. Errors are SchedulerError, or SchedulerUnavailable where a retry may help."""

    def submit(self, spec: JobSpec) -> str:
        """Hand the job over and return the scheduler's id for it."""

    def find(self, name: str, folder: Path) -> JobReport | None:
        """Return the job that was submitted under this name, however long ago, or None."""

    def recall(self, name: str, folder: Path) -> JobReport | None:
        """Return what the attempt's folder says of a job that the scheduler no longer knows, or None."""

    def jobs(self) -> dict[str, JobReport]:
        """Return all jobs the scheduler knows, by name, in one call."""

    def accounting(self, name: str) -> Accounting | None:
        """Return what the scheduler measured of an ended job, or None where it keeps no accounts."""

    def cancel(self, scheduler_id: str) -> None:
        """Ask for the job's end; a finished or unknown job is no error."""

    def partitions(self) -> list[PartitionFigures]:
        """Return the live figures of every partition."""
