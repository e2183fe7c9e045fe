"""Fixtures: a real Slurm in the form of GATEWAY_TEST_SLURM_FORM, where `run.sh` has provisioned one."""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from gateway.schedulers.slurm.client import SlurmInstallation, SlurmScheduler
from tests.cluster.slurm_cluster import SlurmCluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    prefix = os.environ.get("GATEWAY_TEST_SLURM")
    if prefix is None:
        pytest.skip("no Slurm: tests/cluster/run.sh provisions one and runs these tests")
    assert find_spec("pyslurm"), "run these tests by tests/cluster/run.sh"
    form = os.environ.get("GATEWAY_TEST_SLURM_FORM", "plain")
    made = SlurmCluster(Path(prefix), tmp_path_factory.mktemp("slurm"), form=form)
    made.act("start")
    yield made
    made.act("stop")


@pytest.fixture(scope="session")
def scheduler(cluster: SlurmCluster) -> SlurmScheduler:
    return SlurmScheduler(SlurmInstallation(cluster.conf, cluster.path))
