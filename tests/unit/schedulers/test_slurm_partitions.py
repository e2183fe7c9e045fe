"""Live figures of Slurm's partitions and nodes."""

import pytest

from gateway.schedulers.slurm.partitions import partition_figures
from gateway.schedulers.slurm.records import SlurmNode, SlurmPartition
from tests.unit.schedulers.slurm_jobs import job


@pytest.mark.parametrize(
    ("state", "free"),
    [
        ("IDLE", 4),
        ("MIXED", 4),
        ("IDLE*", 0),
        ("DOWN", 0),
        ("DOWN*", 0),
        ("IDLE+DRAIN", 0),
        ("MIXED+DRAIN", 0),
        ("IDLE+NOT_RESPONDING", 0),
        ("IDLE+POWERED_DOWN", 0),
        ("ALLOCATED", 4),
        ("UNKNOWN", 0),
        ("FUTURE", 0),
        ("", 0),
    ],
)
def test_nodes_that_take_jobs(state: str, free: int) -> None:
    assert SlurmNode("n1", state, 4, 4, ("debug",)).free_cpus == free


def test_figures_per_partition() -> None:
    nodes = [
        SlurmNode("n1", "MIXED", 4, 1, ("debug", "small")),
        SlurmNode("n2", "ALLOCATED", 4, 0, ("debug", "small")),
        SlurmNode("n3", "IDLE+DRAIN", 4, 4, ("debug",)),
    ]
    jobs = [job("RUNNING"), job("COMPLETING"), job(partition="debug,small"), job("COMPLETED", exit_code=0)]
    partitions = [
        SlurmPartition("debug", is_up=True),
        SlurmPartition("small", is_up=False),
        SlurmPartition("none", is_up=True),
    ]
    figures = [
        (p.total_nodes, p.avail_nodes, p.total_cpus, p.avail_cpus, p.running_jobs, p.queued_jobs)
        for p in partition_figures(partitions, nodes, jobs)
    ]
    assert figures == [(3, 1, 12, 1, 2, 1), (2, 0, 8, 0, 0, 1), (0, 0, 0, 0, 0, 0)]
