"""The limits of resources in a cluster's configuration, and growth within them."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.clusters.configuration import load_clusters
from gateway.clusters.limits import Limits
from gateway.errors import Invalid
from gateway.jobs.resources import ResourceRequest, grant, scheduler_resources
from gateway.schedulers.base import Resources


@pytest.mark.parametrize(
    ("asked", "default", "granted"),
    [(None, False, False), (None, True, True), (True, False, True), (False, True, False)],
)
def test_the_request_decides_about_growth_and_else_the_cluster(
    *, asked: bool | None, default: bool, granted: bool
) -> None:
    limits = Limits(grow_on_retry=default)
    assert grant(ResourceRequest(grow=asked), limits, 1, 1)["grow"] is granted


def test_a_row_from_before_has_fewer_keys() -> None:
    granted = {"partition": "debug", "account": "", "qos": "", "nodes": None, "time_limit_s": 60}
    assert scheduler_resources(granted, 4) == Resources(partition="debug", time_limit_s=60, cpus_per_node=4)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("defaults.nodes = 5\nceilings.nodes = 4", "defaults.nodes 5 is above ceilings.nodes 4"),
        ("defaults.time_limit_s = 0", "time_limit_s"),
        ('defaults.partition = "x"\nceilings.partitions = ["y"]', "not among"),
        ("defaults.gpus = 1", "gpus"),
        ("ceilings.memory = 1", "memory"),
        ('ceilings.accounts = ["a b"]', "accounts"),
        ('ceilings.qos = "long"', "qos"),
        ('ceilings.constraints = ["a&b"]', "constraints"),
        ('ceilings.reservations = ["-r"]', "reservations"),
        ('ceilings.gres = ["gpu"]', "gres"),
        ('ceilings.gres = ["gpu:a100:2"]', "gres"),
        ("ceilings.gres = {gpu = 2}", "gres"),
        ('grow_on_retry = "often"', "grow_on_retry"),
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
        'accounts = ["lab"]\ngres = ["gpu:2", "shard:8"]\n'
    )
    cluster = load_clusters(path)["here"]
    assert (cluster.ceilings.accounts, cluster.ceilings.gres) == (("lab",), ("gpu:2", "shard:8"))
    assert not cluster.grow_on_retry
    hash(cluster)  # schedulers are kept by cluster
    assert (cluster.defaults.partition, cluster.ceilings.time_limit_s, cluster.max_cpus) == ("debug", 60, 64)


@pytest.mark.parametrize("key", ["nodes", "time_limit_s", "memory_bytes"])
@pytest.mark.parametrize("value", [True, False])
def test_true_is_no_number(key: str, *, value: bool) -> None:
    """It would be a time limit of one second, which ends the job."""
    with pytest.raises(ValidationError, match=f"expected a number, found {str(value).lower()}"):
        ResourceRequest.model_validate({key: value})
