"""Fixtures: a real Slurm in each of its forms, where `run.sh` has provisioned one."""

import os
import re
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import pytest

from gateway.schedulers.slurm.scheduler import SlurmScheduler
from tests.client import Client
from tests.cluster.scheduler_process import scheduler_process
from tests.cluster.slurm_cluster import FORMS, SlurmCluster, service_on
from tests.ordinary import open_folder, own
from tests.sshd import ORDINARY, Sshd, running

HERE = Path(__file__).parent
WAYS = ("pyslurm", "commands")


class OpenFolders:
    """Folders of the ordinary account, in place of pytest's own, which root alone may enter."""

    def __init__(self, top: Path) -> None:
        self._top, self._numbers = top, count()

    def mktemp(self, name: str) -> Path:
        """Make a folder of a name that no other has."""
        words = re.sub(r"\W", "_", name)[:30]
        folder = self._top / f"{words}{next(self._numbers)}"
        folder.mkdir()
        own(folder)
        return folder


@pytest.fixture(scope="session")
def tmp_path_factory(request: pytest.FixtureRequest) -> Iterator[OpenFolders]:
    with open_folder(request, "hpc-gateway-slurm-") as top:
        yield OpenFolders(top)


@pytest.fixture
def tmp_path(tmp_path_factory: OpenFolders, request: pytest.FixtureRequest) -> Path:
    return tmp_path_factory.mktemp(request.node.name)


@pytest.fixture(scope="session", params=list(FORMS))
def cluster(request: pytest.FixtureRequest, tmp_path_factory: OpenFolders) -> Iterator[SlurmCluster]:
    prefix = os.environ.get("GATEWAY_TEST_SLURM")
    if prefix is None:
        pytest.skip("no Slurm: tests/cluster/run.sh provisions one and runs these tests")
    assert find_spec("pyslurm"), "run these tests by tests/cluster/run.sh"
    form = request.param
    made = SlurmCluster(Path(prefix), tmp_path_factory.mktemp(form), form=form, base_port=FORMS[form])
    made.act("start")
    yield made
    made.act("stop")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of the started service together, at the end: it takes a quarter of a core to idle."""
    items.sort(key=lambda item: HERE in item.path.parents and "client" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def sshd(cluster: SlurmCluster, tmp_path_factory: OpenFolders) -> Iterator[Sshd]:
    """An sshd of an ordinary account of the cluster, which is not that of the service."""
    options = f"SetEnv SLURM_CONF={cluster.conf} PATH={cluster.path}"
    with running(tmp_path_factory.mktemp("sshd"), options, ORDINARY) as server:
        yield server


@pytest.fixture(scope="session")
def client(cluster: SlurmCluster, tmp_path_factory: OpenFolders) -> Iterator[Client]:
    with service_on(cluster, tmp_path_factory.mktemp("service")) as connected:
        yield connected


@pytest.fixture(scope="session", params=["pyslurm", pytest.param("commands", marks=pytest.mark.long)])
def scheduler(cluster: SlurmCluster, request: pytest.FixtureRequest) -> Iterator[SlurmScheduler]:
    """A scheduler of each way; by commands the conformance suite alone runs in the gate, for its time."""
    with scheduler_process(cluster, way=request.param) as client:
        yield client
