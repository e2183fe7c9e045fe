"""The records of Slurm's jobs, nodes and partitions as plain data, without pyslurm."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway.schedulers.base import NO_LIMITS, RunLimits


@dataclass(frozen=True)
class SlurmJob:
    """A job record. `state` and `reason` are Slurm's own words; times are aware and in UTC."""

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
    restarts: int = 0
    limits: RunLimits = NO_LIMITS

    @property
    def cpus_per_node(self) -> int:
        """The CPUs that the job needs on each of its nodes when they are spread evenly."""
        return math.ceil(self.cpus / max(1, self.nodes))


_USABLE = frozenset({"IDLE", "MIXED", "ALLOCATED"})
# Flags behind the state, as in IDLE+DRAIN, with which a node accepts no job now.
_UNUSABLE_FLAGS = frozenset(
    {
        *("DRAIN", "NOT_RESPONDING", "FAIL", "MAINTENANCE", "RESERVED", "REBOOT_ISSUED", "REBOOT_REQUESTED"),
        *("POWERED_DOWN", "POWERING_DOWN", "POWER_DOWN", "POWERING_UP", "INVALID_REG", "BLOCKED"),
    }
)


@dataclass(frozen=True)
class SlurmNode:
    """A node record; `cpus` counts the CPUs that jobs can use."""

    name: str
    state: str
    cpus: int
    idle_cpus: int
    partitions: tuple[str, ...]

    @property
    def free_cpus(self) -> int:
        """The number of CPUs on which a job could start now."""
        state, *flags = self.state.rstrip("*~#!%$@^-").split("+")
        if state not in _USABLE or self.state.endswith("*") or _UNUSABLE_FLAGS & set(flags):
            return 0
        return self.idle_cpus


def count_free_nodes(job: SlurmJob, nodes: Iterable[SlurmNode]) -> int:
    """Count the nodes of the job's partitions with enough free CPUs for its share."""
    partitions = set(job.partition.split(","))
    return sum(
        node.free_cpus >= job.cpus_per_node for node in nodes if partitions.intersection(node.partitions)
    )


@dataclass(frozen=True)
class SlurmPartition:
    """A partition record."""

    name: str
    is_up: bool
    is_default: bool = False
