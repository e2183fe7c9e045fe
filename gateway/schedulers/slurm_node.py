"""One node as Slurm lists it, and how much room it has."""

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.schedulers.slurm_job import SlurmJob

_USABLE = frozenset({"IDLE", "MIXED", "ALLOCATED"})
# Flags after the state, as in IDLE+DRAIN, with which a node takes no job now.
_UNUSABLE_FLAGS = frozenset(
    {
        *("DRAIN", "NOT_RESPONDING", "FAIL", "MAINTENANCE", "RESERVED", "REBOOT_ISSUED", "REBOOT_REQUESTED"),
        *("POWERED_DOWN", "POWERING_DOWN", "POWER_DOWN", "POWERING_UP", "INVALID_REG", "BLOCKED"),
    }
)


@dataclass(frozen=True)
class Node:
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


def nodes_with_room(job: SlurmJob, nodes: Iterable[Node]) -> int:
    """Count the nodes of the job's partitions on which its share could start now."""
    partitions = set(job.partition.split(","))
    return sum(
        node.free_cpus >= job.cpus_per_node for node in nodes if partitions.intersection(node.partitions)
    )
