"""The number of nodes that a job asks for, from records of partitions and nodes."""

from pathlib import Path

import pytest

from gateway.schedulers.base import JobSpec, Resources
from gateway.schedulers.slurm.node_count import nodes_needed
from gateway.schedulers.slurm.records import SlurmNode, SlurmPartition


def node(name: str, cpus: int, *partitions: str, state: str = "IDLE", memory_mib: int = 0) -> SlurmNode:
    return SlurmNode(name, state, cpus, cpus, partitions, memory_mib)


def needed(
    ranks: int,
    partition: str,
    nodes: list[SlurmNode],
    *partitions: SlurmPartition,
    threads: int = 1,
    cpus_per_node: int | None = None,
    memory_per_cpu_bytes: int | None = None,
) -> int:
    resources = Resources(partition, cpus_per_node=cpus_per_node, memory_per_cpu_bytes=memory_per_cpu_bytes)
    spec = JobSpec("job.1", Path("/x"), ("true",), ranks, threads, "srun", {}, resources)
    every = partitions or (
        SlurmPartition("debug", is_up=True, is_default=True),
        SlurmPartition("small", is_up=True),
        SlurmPartition("big", is_up=True),
    )
    return nodes_needed(spec, every, nodes)


FOUR = [node(f"n{n}", 4, "debug", *(["small"] if n < 3 else [])) for n in range(1, 5)]


@pytest.mark.parametrize(
    ("ranks", "partition", "expected"),
    [
        (4, "debug", 1),
        (4, "debug,small", 1),
        (4, "small,debug", 1),
        (5, "debug,small", 2),
        (16, "debug,small", 4),
        (4, "", 1),
        (5, "", 2),
        (4, "debug,nowhere", 1),
    ],
)
def test_a_list_of_partitions_asks_for_no_more_nodes_than_one(
    ranks: int, partition: str, expected: int
) -> None:
    assert needed(ranks, partition, FOUR) == expected


UNEQUAL = [node("b1", 64, "big"), node("b2", 64, "big"), *(node(f"s{n}", 4, "small") for n in range(8))]


@pytest.mark.parametrize(
    ("ranks", "expected", "why"),
    [
        (8, 2, "2 nodes are enough in either partition, 1 would leave out the small one"),
        (32, 1, "8 small nodes or 1 big one: no number suits both, so the smaller"),
        (128, 2, "the small partition can never take it"),
        (3, 1, "one node of either"),
    ],
)
def test_the_smaller_nodes_of_a_list_decide_where_they_can(ranks: int, expected: int, why: str) -> None:
    assert needed(ranks, "big,small", UNEQUAL) == expected, why


def test_a_partition_that_is_down_does_not_decide() -> None:
    down = SlurmPartition("small", is_up=False), SlurmPartition("big", is_up=True)
    assert needed(8, "big,small", UNEQUAL, *down) == 1
    assert needed(8, "small", UNEQUAL, *down) == 2


@pytest.mark.parametrize(
    "state", ["DOWN", "DOWN*", "IDLE*", "IDLE+DRAIN", "MIXED+DRAIN", "IDLE+RESERVED", "IDLE+MAINTENANCE"]
)
def test_a_large_node_that_is_out_of_service_does_not_count(state: str) -> None:
    nodes = [*FOUR, node("large", 64, "debug", state=state)]
    assert needed(8, "debug", nodes) == 2
    assert needed(64, "debug", nodes) == 1, "only the large node can ever take it: the job waits for it"


@pytest.mark.parametrize(
    "state", ["ALLOCATED", "MIXED", "IDLE+POWERED_DOWN", "IDLE~", "IDLE+REBOOT_REQUESTED"]
)
def test_a_node_that_is_busy_or_asleep_counts(state: str) -> None:
    assert needed(8, "debug", [*FOUR, node("large", 64, "debug", state=state)]) == 1


@pytest.mark.parametrize("state", ["DOWN*", "IDLE+DRAIN", "UNKNOWN"])
def test_where_all_nodes_are_down_they_are_what_the_job_waits_for(state: str) -> None:
    nodes = [node(f"n{n}", 4, "debug", state=state) for n in range(4)]
    assert needed(8, "debug", nodes) == 2
    assert needed(8, "debug", [*nodes[:3], node("n3", 4, "debug")]) == 2, "3 of 4 are down"


def test_unequal_nodes_of_one_partition_are_added_up() -> None:
    nodes = [node("large", 64, "debug"), *(node(f"n{n}", 4, "debug") for n in range(3))]
    assert [needed(ranks, "debug", nodes) for ranks in (64, 68, 76)] == [1, 2, 4]


def test_the_limits_of_partitions_and_of_the_cluster() -> None:
    one_node = SlurmPartition("small", is_up=True, max_nodes=1), SlurmPartition("debug", is_up=True)
    assert needed(8, "small,debug", FOUR, *one_node) == 2
    half = SlurmPartition("debug", is_up=True, max_cpus_per_node=2)
    assert needed(8, "debug", FOUR, half) == 4
    assert needed(8, "debug", FOUR, cpus_per_node=2) == 4
    assert needed(4, "debug", FOUR, threads=2) == 2


def test_memory_spreads_a_job_as_cpus_do() -> None:
    nodes = [node(f"n{n}", 4, "debug", memory_mib=2000) for n in range(4)]
    assert needed(4, "debug", nodes, memory_per_cpu_bytes=500 * 2**20) == 1
    assert needed(4, "debug", nodes, memory_per_cpu_bytes=1000 * 2**20) == 2
    assert needed(4, "debug", nodes, memory_per_cpu_bytes=1000 * 2**20 - 1) == 2
    assert needed(4, "debug", nodes, memory_per_cpu_bytes=2000 * 2**20) == 4


def test_an_impossible_job_is_left_to_slurm_to_refuse() -> None:
    assert needed(17, "debug", FOUR) == 5
    assert needed(3, "nowhere", FOUR) == 3
    assert needed(1, "debug", FOUR, threads=8) == 1
    assert needed(4, "debug", []) == 4
