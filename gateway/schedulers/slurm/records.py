"""The records of Slurm's jobs, nodes and partitions as plain data, without pyslurm."""

import math
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway.schedulers.arrays import member_folder, member_id, member_name
from gateway.schedulers.base import NO_LIMITS, RunLimits


@dataclass(frozen=True)
class SlurmJob:
    """A job record. `state` and `reason` are Slurm's own words; times are aware and in UTC.

    Slurm has one record for all waiting members of an array, and one for each other member, whose name,
    folder and `index` are its own.
    """

    id: int
    name: str
    state: str
    reason: str
    partition: str
    priority: int
    nodes: int
    cpus: int
    folder: Path
    user_id: int
    exit_code: int | None = None
    signal: int | None = None
    start_at: datetime | None = None
    end_at: datetime | None = None
    is_allocated: bool = False
    """Whether Slurm has given nodes to the job, also when it has taken them back."""
    restarts: int = 0
    controller_since: datetime | None = None
    """Since when slurmctld has been running; known where it decides."""
    limits: RunLimits = NO_LIMITS
    array_id: int | None = None
    index: int | None = None

    @property
    def scheduler_id(self) -> str:
        """The id that Slurm prints: of the job, of the array, or of the member."""
        if self.array_id is None:
            return str(self.id)
        return str(self.array_id) if self.index is None else member_id(str(self.array_id), self.index)

    @property
    def cpus_per_node(self) -> int:
        """The CPUs that the job needs on each of its nodes when they are spread evenly."""
        return math.ceil(self.cpus / max(1, self.nodes))


_SYMBOLS = "*~#!%$@^-"  # of node states, as sinfo prints them
_USABLE = frozenset({"IDLE", "MIXED", "ALLOCATED"})
# Flags behind the state, as in IDLE+DRAIN, with which a node accepts no job until an operator changes that.
_OUT_OF_SERVICE = frozenset(
    {"DRAIN", "NOT_RESPONDING", "FAIL", "MAINTENANCE", "RESERVED", "INVALID_REG", "BLOCKED"}
)
# Flags with which a node accepts no job now, but comes back by itself.
_COMING = frozenset(
    {"REBOOT_ISSUED", "REBOOT_REQUESTED", "POWERED_DOWN", "POWERING_DOWN", "POWER_DOWN", "POWERING_UP"}
)


@dataclass(frozen=True)
class SlurmNode:
    """A node record; `cpus` counts the CPUs that jobs can use; a `memory_mib` of 0 is not known."""

    name: str
    state: str
    cpus: int
    idle_cpus: int
    partitions: tuple[str, ...]
    memory_mib: int = 0

    @property
    def is_in_service(self) -> bool:
        """Whether the node accepts jobs, now or as soon as it is switched on or free."""
        state, flags = self._words
        return state in _USABLE and not _OUT_OF_SERVICE & flags

    @property
    def free_cpus(self) -> int:
        """The number of CPUs on which a job could start now."""
        return self.idle_cpus if self.is_in_service and not _COMING & self._words[1] else 0

    @property
    def _words(self) -> tuple[str, set[str]]:
        state, *flags = self.state.rstrip(_SYMBOLS).split("+")
        return state, {*flags, *(["NOT_RESPONDING"] if self.state.endswith("*") else [])}


@dataclass(frozen=True)
class SlurmPartition:
    """A partition record; a limit that is None does not exist."""

    name: str
    is_up: bool
    is_default: bool = False
    max_nodes: int | None = None
    max_cpus_per_node: int | None = None

    def is_named(self, partition_list: str) -> bool:
        """Tell whether the list has this partition; an empty list stands for the default partition."""
        return self.name in partition_list.split(",") if partition_list else self.is_default


def of_array(job: SlurmJob, array: int | None, index: int | None) -> SlurmJob:
    """Return the record with the name and folder of its member; `array` is None for a job of no array."""
    if array is None or index is None:
        return replace(job, array_id=array)
    name, folder = member_name(job.name, index), member_folder(job.folder, index)
    return replace(job, name=name, folder=folder, array_id=array, index=index)


def run_limits(job: Any) -> RunLimits:
    """Return the limits of a job record; Slurm counts minutes, and MiB of all CPUs together."""
    minutes, memory = job.time_limit, job.memory
    return RunLimits(
        time_limit_s=minutes * 60 if isinstance(minutes, int) else None,
        memory_per_cpu_bytes=memory * 2**20 // job.cpus if isinstance(memory, int) and job.cpus else None,
    )
