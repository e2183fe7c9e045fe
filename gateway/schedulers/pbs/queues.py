"""The figures of PBS's queues: a node that is bound to no queue counts in each."""

from collections.abc import Iterable

from gateway.clusters.telemetry import PartitionFigures
from gateway.schedulers.pbs.records import PbsNode, PbsQueue


def queue_figures(queues: Iterable[PbsQueue], nodes: list[PbsNode]) -> list[PartitionFigures]:
    """Return the figures of each queue; one that starts no jobs has nothing free."""
    return [_figures(queue, [node for node in nodes if node.queue in {"", queue.name}]) for queue in queues]


def _figures(queue: PbsQueue, nodes: list[PbsNode]) -> PartitionFigures:
    free = [node.free_cpus if queue.is_open else 0 for node in nodes]
    return PartitionFigures(
        name=queue.name,
        total_nodes=len(nodes),
        avail_nodes=sum(cpus > 0 for cpus in free),
        total_cpus=sum(node.cpus for node in nodes),
        avail_cpus=sum(free),
        running_jobs=queue.running,
        queued_jobs=queue.waiting,
    )
