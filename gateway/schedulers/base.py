"""The Scheduler protocol, and the plain data that its calls take and return."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from gateway.cleaning import clean
from gateway.clusters.telemetry import PartitionFigures
from gateway.errors import GatewayError, SchedulerUnavailable
from gateway.states import JobState

Launcher = Literal["srun", "processes", "hosts"]
_Job = TypeVar("_Job")
FORGOTTEN = "the scheduler no longer knows the job"


@dataclass(frozen=True)
class Resources:
    """The resources of a job beside ranks and threads; the scheduler chooses those that are None or ""."""

    partition: str = ""
    account: str = ""
    qos: str = ""
    constraint: str = ""
    reservation: str = ""
    gres: str = ""
    nodes: int | None = None
    cpus_per_node: int | None = None
    time_limit_s: int | None = None
    memory_per_cpu_bytes: int | None = None


@dataclass(frozen=True)
class JobSpec:
    """One attempt of a job, ready to submit.

    `name` is `<job id>.<run>`, by which a submitted job is found again; `folder` is the run's control
    folder on the cluster, which holds the script, the logs and the exit file. Each of `ranks` processes
    runs `command` on `threads` cores with no other variables than `environment`. `mpi` is
    the value of `srun --mpi`; "" leaves the choice to Slurm.

    With an `array_size` above 1 it is an array of so many members, each with these ranks and resources.
    Member `k`, from 1 on, has the control folder `<folder>/<k>`, in which its own start, logs and end lie; in
    its command a path below `folder` stands for the same path below that folder.
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
    array_size: int = 1

    @property
    def is_array(self) -> bool:
        """Whether it has several members; the only member of a list is submitted as a plain job."""
        return self.array_size > 1


@dataclass(frozen=True)
class SubmittedJob:
    """A submitted run, as its row records it.

    `scheduler_id` is "" while the row does not know it. Another job may have that id by now, and copies of
    this one may have others: the name tells them apart. The run was submitted later than `created_at`.
    A member of an array has the name `<array>[<index>]`; an array itself has its `array_size`.
    """

    name: str
    scheduler_id: str
    folder: Path
    created_at: datetime
    array_size: int = 1


@dataclass(frozen=True)
class RunLimits:
    """The limits that the scheduler set for a run, also without a request; None where it does not tell."""

    time_limit_s: int | None = None
    memory_per_cpu_bytes: int | None = None


NO_LIMITS = RunLimits()


@dataclass(frozen=True)
class JobReport:
    """A scheduler's report on one job at one moment. Times are aware and in UTC.

    `state` is None when the scheduler's own word is in no table; `reason` then quotes the word. It is
    cleaned here, so that it equals the reason of the row that it was written to.
    """

    name: str
    scheduler_id: str
    state: JobState | None
    exit_code: int | None = None
    reason: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    limits: RunLimits = NO_LIMITS

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", clean(self.reason))


@dataclass(frozen=True)
class Accounting:
    """The scheduler's own measurements of an ended job; None for a figure that it does not measure."""

    elapsed_s: float | None
    cpu_s: float | None
    resident_memory_bytes: int | None


class Scheduler(Protocol):
    """A batch scheduler. Calls raise SchedulerError, or SchedulerUnavailable when a retry may help.

    An array is one submission and one job here; only `jobs` and `recall` tell of its members, by their names
    (gateway/schedulers/arrays.py).
    """

    def largest_array(self) -> int:
        """Return the most members that an array may have; 1 where the scheduler has no arrays."""

    def submit(self, spec: JobSpec) -> str:
        """Submit the job or array and return its id in the scheduler.

        ArrayTooLarge tells that a limit allows no array of this size now, and that fewer members may pass.
        """

    def submit_many(self, specs: Sequence[JobSpec]) -> Sequence[str | GatewayError]:
        """Submit the jobs in this order; return the id or the error of each.

        After an error that says that the scheduler is away, the others have that error without a try.
        """

    def find(self, job: SubmittedJob) -> JobReport | None:
        """Return the job that was submitted under this name, however long ago, or None.

        None is returned as well for a job that ended without a start, unless a person has cancelled it.
        Of an array any member's report is enough: it proves that the array was submitted.
        """

    def recall(self, jobs: Sequence[SubmittedJob]) -> dict[str, JobReport | None]:
        """Recover the reports of all jobs that `jobs` has left out, by name; None for one without a start.

        A job on which no report can be given now is missing.
        """

    def jobs(self) -> dict[str, JobReport]:
        """Return the reports of all jobs in the scheduler, by name, from one call.

        Members of an array that wait may share one report under the array's name: it is of all members that
        have no report under their own.
        """

    def accounting(self, job: SubmittedJob) -> dict[str, Accounting]:
        """Return the measurements of an ended job, or of the members of an array, by name, from one call.

        There are none where the scheduler keeps no accounting.
        """

    def cancel(self, name: str, scheduler_id: str) -> None:
        """Request the job's end; an ended or unknown job, or another job of this id, is no error.

        An array is named by its own name, and by its id or that of any of its members: all of them end.
        """

    def partitions(self) -> list[PartitionFigures]:
        """Return the live figures of every partition."""

    def check(self) -> None:
        """Raise SchedulerError unless the scheduler answers; this is its cheapest call."""


def submit_each(submit: Callable[[JobSpec], str], specs: Sequence[JobSpec]) -> list[str | GatewayError]:
    """Submit the jobs one by one, for a scheduler that takes no several at once."""
    results: list[str | GatewayError] = []
    for spec in specs:
        try:
            results.append(submit(spec))
        except SchedulerUnavailable as error:
            return results + [error] * (len(specs) - len(results))
        except GatewayError as error:
            results.append(error)
    return results


def submit_one(submit_many: Callable[[Sequence[_Job]], Sequence[str | GatewayError]], job: _Job) -> str:
    """Submit one job by a call that takes several; return its id, or raise its error."""
    (result,) = submit_many([job])
    if isinstance(result, GatewayError):
        raise result
    return result
