"""The figures of Slurm's partitions, counted from its nodes and jobs."""

from collections.abc import Iterable

from gateway.clusters.telemetry import PartitionFigures
from gateway.schedulers.slurm.records import SlurmJob, SlurmNode, SlurmPartition
from gateway.schedulers.slurm.states import STATES
from gateway.states import JobState


def partition_figures(
    partitions: Iterable[SlurmPartition], nodes: list[SlurmNode], jobs: list[SlurmJob]
) -> list[PartitionFigures]:
    """Count nodes, CPUs and jobs per partition; a node or pending job in two partitions counts in both."""
    return [_figures(partition, nodes, jobs) for partition in partitions]


def _figures(partition: SlurmPartition, nodes: list[SlurmNode], jobs: list[SlurmJob]) -> PartitionFigures:
    own = [node for node in nodes if partition.name in node.partitions]
    free = [node.free_cpus if partition.is_up else 0 for node in own]
    states = [STATES.get(job.state) for job in jobs if partition.name in job.partition.split(",")]
    return PartitionFigures(
        name=partition.name,
        total_nodes=len(own),
        avail_nodes=sum(cpus > 0 for cpus in free),
        total_cpus=sum(node.cpus for node in own),
        avail_cpus=sum(free),
        running_jobs=states.count(JobState.RUNNING),
        queued_jobs=states.count(JobState.PENDING),
    )


def largest_nodes(partitions: Iterable[SlurmPartition], nodes: list[SlurmNode]) -> dict[str, int]:
    """Return the CPUs of each partition's largest node; "" names the default partition as well."""
    largest: dict[str, int] = {}
    for partition in partitions:
        cpus = max((node.cpus for node in nodes if partition.name in node.partitions), default=1)
        largest |= {partition.name: cpus} | ({"": cpus} if partition.is_default else {})
    return largest
