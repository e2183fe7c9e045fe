"""Resource requests of jobs: defaults, ceilings, and refusals."""

from pathlib import Path

import pytest

from gateway.clusters.configuration import load_clusters
from gateway.clusters.limits import Ceilings, Defaults, Limits
from gateway.errors import Invalid
from gateway.jobs.resources import ResourceRequest, grant, scheduler_resources
from gateway.schedulers.base import Resources

GIB = 2**30
LIMITS = Limits(
    defaults=Defaults(partition="debug", account="lab", time_limit_s=600, memory_per_cpu_bytes=GIB),
    ceilings=Ceilings(partitions=("debug", "long"), nodes=4, time_limit_s=3600, memory_per_cpu_bytes=2 * GIB),
)


def test_defaults() -> None:
    granted = grant(ResourceRequest(), LIMITS, ranks=4, threads=2)
    assert scheduler_resources(granted, 16) == Resources(
        partition="debug",
        account="lab",
        time_limit_s=600,
        memory_per_cpu_bytes=GIB,
        cpus_per_node=16,
    )


def test_wishes() -> None:
    wishes = ResourceRequest(partition="long", nodes=2, time_limit_s=3600, memory_bytes=16 * GIB)
    granted = grant(wishes, LIMITS, ranks=4, threads=2)
    assert granted["partition"] == "long"
    assert (granted["nodes"], granted["time_limit_s"]) == (2, 3600)
    assert granted["memory_per_cpu_bytes"] == 2 * GIB


def test_nothing_configured_leaves_all_to_the_scheduler() -> None:
    assert scheduler_resources(grant(ResourceRequest(), Limits(), 1, 1), 8) == Resources(cpus_per_node=8)


def test_a_time_ceiling_is_the_limit_of_who_does_not_ask() -> None:
    assert grant(ResourceRequest(), Limits(ceilings=Ceilings(time_limit_s=60)), 1, 1)["time_limit_s"] == 60


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        (ResourceRequest(partition="gpu"), "resources.partition: 'gpu' is not among debug, long"),
        (ResourceRequest(nodes=9), "resources.nodes: 9 nodes are more than the 8 ranks"),
        (ResourceRequest(nodes=5), "resources.nodes: 5 is above this cluster's ceiling of 4"),
        (ResourceRequest(time_limit_s=3601), "resources.time_limit_s: 3601 .* 3600"),
        (ResourceRequest(memory_bytes=16 * GIB + 1), f"resources.memory_bytes: .*{16 * GIB}"),
    ],
)
def test_above_the_ceiling(wishes: ResourceRequest, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        grant(wishes, LIMITS, ranks=8, threads=1)


@pytest.mark.parametrize("partition", ["debug,long", "long,debug", "long", "a,b"])
def test_a_list_of_partitions_is_allowed_name_by_name_or_as_it_stands(partition: str) -> None:
    limits = Limits(ceilings=Ceilings(partitions=("debug", "long", "a,b")))
    assert grant(ResourceRequest(partition=partition), limits, 1, 1)["partition"] == partition
    assert Limits(defaults=Defaults(partition=partition), ceilings=limits.ceilings).defaults.partition


@pytest.mark.parametrize("partition", ["debug,gpu", "gpu,debug", "debug,", ",", "a", "b,a", "debug,,long"])
def test_a_list_with_a_partition_that_is_not_allowed(partition: str) -> None:
    limits = Limits(ceilings=Ceilings(partitions=("debug", "long", "a,b")))
    with pytest.raises(Invalid, match="resources.partition: .* is not among debug, long, a,b"):
        grant(ResourceRequest(partition=partition), limits, 1, 1)
    with pytest.raises(ValueError, match="not among"):
        Limits(defaults=Defaults(partition=partition), ceilings=limits.ceilings)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("nodes", 0),
        ("nodes", -1),
        ("time_limit_s", "soon"),
        ("memory_bytes", 0.5),
        ("partition", ""),
        ("partition", "a b"),
        ("partition", "a\n"),
        ("partition", "$(x)"),
        ("gpus", 1),
    ],
)
def test_wishes_that_make_no_sense(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=key):
        ResourceRequest.model_validate({key: value})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("defaults.nodes = 5\nceilings.nodes = 4", "defaults.nodes 5 is above ceilings.nodes 4"),
        ("defaults.time_limit_s = 0", "time_limit_s"),
        ('defaults.partition = "x"\nceilings.partitions = ["y"]', "not among"),
        ("defaults.gpus = 1", "gpus"),
        ("ceilings.memory = 1", "memory"),
        ('slurm_conf = "slurm.conf"', "slurm_conf"),
    ],
)
def test_configuration_that_contradicts_itself(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "infrastructures.toml"
    path.write_text(f'[here]\nscheduler = "slurm"\nhome = "/home/x"\n{text}\n')
    with pytest.raises(Invalid, match=words):
        load_clusters(path)


def test_configuration(tmp_path: Path) -> None:
    path = tmp_path / "infrastructures.toml"
    path.write_text(
        '[here]\nscheduler = "slurm"\nhome = "/home/x"\nmax_cpus = 64\n'
        '[here.defaults]\npartition = "debug"\n[here.ceilings]\ntime_limit_s = 60\n'
    )
    cluster = load_clusters(path)["here"]
    assert (cluster.defaults.partition, cluster.ceilings.time_limit_s, cluster.max_cpus) == ("debug", 60, 64)
