"""Jobs, nodes and partitions as Slurm lists them, in plain data without pyslurm."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True)
class SlurmJob:
    """One job. `state` and `reason` are Slurm's own words; times are aware and in UTC."""

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

    @property
    def cpus_per_node(self) -> int:
        """The CPUs it needs on each of its nodes, if they are shared out evenly."""
        return math.ceil(self.cpus / max(1, self.nodes))


_USABLE = frozenset({"IDLE", "MIXED", "ALLOCATED"})
# Flags after the state, as in IDLE+DRAIN, with which a node takes no job now.
_UNUSABLE_FLAGS = frozenset(
    {
        *("DRAIN", "NOT_RESPONDING", "FAIL", "MAINTENANCE", "RESERVED", "REBOOT_ISSUED", "REBOOT_REQUESTED"),
        *("POWERED_DOWN", "POWERING_DOWN", "POWER_DOWN", "POWERING_UP", "INVALID_REG", "BLOCKED"),
    }
)


@dataclass(frozen=True)
class SlurmNode:
    """A node as Slurm lists it; `cpus` are those that jobs can have."""

    name: str
    state: str
    cpus: int
    idle_cpus: int
    partitions: tuple[str, ...]

    @property
    def free_cpus(self) -> int:
        """The CPUs on which a job could start now."""
        state, *flags = self.state.rstrip("*~#!%$@^-").split("+")
        if state not in _USABLE or self.state.endswith("*") or _UNUSABLE_FLAGS & set(flags):
            return 0
        return self.idle_cpus


def nodes_with_room(job: SlurmJob, nodes: Iterable[SlurmNode]) -> int:
    """Count the nodes of the job's partitions on which its share could start now."""
    partitions = set(job.partition.split(","))
    return sum(
        node.free_cpus >= job.cpus_per_node for node in nodes if partitions.intersection(node.partitions)
    )


@dataclass(frozen=True)
class SlurmPartition:
    """A partition as Slurm lists it."""

    name: str
    is_up: bool
    is_default: bool = False
