"""A snapshot of Slurm's queue: the pending jobs of other accounts, and the room on the nodes."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.schedulers.slurm.records import SlurmJob, SlurmNode


class Positions:
    """Pending jobs by partition, in the order in which Slurm considers them."""

    def __init__(self, jobs: Iterable[SlurmJob] = ()) -> None:
        self._keys: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for job in jobs:
            if job.state == "PENDING":
                for partition in job.partition.split(","):
                    self._keys[partition].append(_key(job))
        for keys in self._keys.values():
            keys.sort()

    def count_ahead(self, job: SlurmJob) -> int:
        """Count the jobs that Slurm considers before this one in its first partition."""
        return bisect_left(self._keys.get(job.partition.split(",")[0], []), _key(job))


class Room:
    """The free CPUs of the nodes, gathered once for each list of partitions."""

    def __init__(self, nodes: Iterable[SlurmNode] = ()) -> None:
        self._nodes = [(node.free_cpus, frozenset(node.partitions)) for node in nodes]
        self._free_cpus: dict[str, list[int]] = {}

    def count_free_nodes(self, job: SlurmJob) -> int:
        """Count the nodes of the job's partitions with enough free CPUs for its share."""
        if job.partition not in self._free_cpus:
            names = set(job.partition.split(","))
            self._free_cpus[job.partition] = sorted(cpus for cpus, own in self._nodes if names & own)
        free_cpus = self._free_cpus[job.partition]
        return len(free_cpus) - bisect_left(free_cpus, job.cpus_per_node)


@dataclass(frozen=True)
class QueueSnapshot:
    """The surroundings of an account's pending jobs; its own jobs are no part, as a newer call has them."""

    others: Positions = field(default_factory=Positions)
    room: Room = field(default_factory=Room)


def _key(job: SlurmJob) -> tuple[int, int]:
    return -job.priority, job.id
