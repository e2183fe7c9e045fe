"""The number of nodes to request for a job, from the nodes of its partitions."""

import math
from collections.abc import Iterable, Sequence
from itertools import accumulate

from gateway.schedulers.base import JobSpec
from gateway.schedulers.slurm.records import SlurmNode, SlurmPartition


def nodes_needed(spec: JobSpec, partitions: Iterable[SlurmPartition], nodes: Iterable[SlurmNode]) -> int:
    """Return the smallest number of nodes with which most partitions of the job's list can take it.

    Slurm takes one number for the whole list. Nodes in service count, else all of them: then the job
    waits for its nodes, or Slurm refuses it.
    """
    named = [partition for partition in partitions if partition.is_named(spec.resources.partition)]
    every = list(nodes)
    in_service = [node for node in every if node.is_in_service]
    now = [_ranks_of_nodes(spec, partition, in_service) for partition in named if partition.is_up]
    later = [_ranks_of_nodes(spec, partition, every) for partition in named]
    return (
        _best_number(spec.ranks, now) or _best_number(spec.ranks, later) or _refused_number(spec.ranks, later)
    )


def _ranks_of_nodes(spec: JobSpec, partition: SlurmPartition, nodes: Iterable[SlurmNode]) -> list[int]:
    """Return how many ranks each node of the partition that one job may have can take, most first."""
    own = (node for node in nodes if partition.name in node.partitions)
    ranks = sorted((_ranks_of_node(spec, partition, node) for node in own), reverse=True)
    return [number for number in ranks[: partition.max_nodes] if number]


def _ranks_of_node(spec: JobSpec, partition: SlurmPartition, node: SlurmNode) -> int:
    resources = spec.resources
    limits = [node.cpus, resources.cpus_per_node, partition.max_cpus_per_node]
    if resources.memory_per_cpu_bytes and node.memory_mib:
        limits.append(node.memory_mib // math.ceil(resources.memory_per_cpu_bytes / 2**20))
    return min(limit for limit in limits if limit is not None) // spec.threads


def _best_number(ranks: int, partitions: Sequence[Sequence[int]]) -> int | None:
    """Return the number of nodes that most partitions can give; the smallest of several; None for none."""
    ranges = [needed for node_ranks in partitions if (needed := _possible_numbers(ranks, node_ranks))]
    return max(sorted(r.start for r in ranges), key=lambda n: sum(n in r for r in ranges), default=None)


def _possible_numbers(ranks: int, node_ranks: Sequence[int]) -> range:
    """Return the numbers of nodes of one partition that can take the ranks."""
    enough = (number for number, total in enumerate(accumulate(node_ranks), 1) if total >= ranks)
    return range(next(enough, len(node_ranks) + 1), len(node_ranks) + 1)


def _refused_number(ranks: int, partitions: Sequence[Sequence[int]]) -> int:
    """Return the number for a job that no partition can ever take, which Slurm refuses in its own words."""
    return math.ceil(ranks / max((node_ranks[0] for node_ranks in partitions if node_ranks), default=1))
