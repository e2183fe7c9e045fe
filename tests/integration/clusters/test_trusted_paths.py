"""Trusted paths: a real worker and a real job execute, import and read nothing that a client can reach.

The list comes from a trace of both. The cluster has `/` among its roots, so that every file lies in one.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import psutil
import pytest

from gateway.callers import LOCAL
from gateway.clusters.configuration import clusters, configured_clusters
from gateway.errors import Fault, FilesystemError
from gateway.filesystems.base import Filesystem
from gateway.settings import get_settings
from gateway.states import JobState
from tests.polling import until
from tests.rows import job, new_job
from tests.trace import Use, read_uses, traced
from workers.client_files import open_client_files

CONFIGURATION = """
[hpc]
scheduler = "local"
home = "{home}"
python = "{python}"
roots = ["{home}", "/"]
max_cpus = 4
"""
PARTS = {
    "workers",
    "gateway",
    "hpc_kernels",
    "job.sh",
    "job.json",
    "gateway.db",
    "infrastructures.toml",
    "bash",
}
NEW = "hpc-gateway-test"
Door = Callable[[Filesystem, PurePosixPath], object]
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def home(settings: None, database: object, sends: None, tmp_path: Path) -> Path:
    home = tmp_path / "home"
    get_settings().infrastructures.write_text(CONFIGURATION.format(home=home, python=sys.executable))
    clusters.cache_clear()
    (home / "serrano/data").mkdir(parents=True)
    (home / "serrano/data/x.csv").write_text("x\n1\n2\n3\n4\n")
    return home


@contextmanager
def worker(traces: Path) -> Iterator[None]:
    """Run the worker of the cluster under a trace; it ends as an operator ends it."""
    command = [sys.executable, str(Path(sys.executable).with_name("hpc-gateway"))]
    argv = traced([*command, "worker", "hpc", "--concurrency", "1"], traces)
    with subprocess.Popen(argv, cwd=traces.parent) as tracer:
        try:
            yield
        finally:
            for traced_one in psutil.Process(tracer.pid).children():
                traced_one.terminate()


@pytest.fixture
def uses(home: Path, tmp_path: Path) -> set[Use]:
    """The files that a worker and a job of it have used from their start to their end."""
    traces = tmp_path / "traces"
    traces.mkdir()
    row_id = new_job("fft", read_input_data="/x.csv")
    with worker(traces):
        until("the job has ended", lambda: job(row_id).ended_at, within_s=200)
    assert job(row_id).state is JobState.SUCCEEDED, job(row_id).reason
    return read_uses(traces)


def trusted(uses: set[Use], home: Path) -> dict[Path, Path]:
    """Return one file of each folder, that is still there, of the files read; without the owner's data."""
    data = home / "serrano/data"
    read = {use.path for use in uses if not use.writes and not use.path.is_relative_to(data)}
    files = (path / NEW if path.is_dir() else path for path in sorted(read - {data, *data.parents}))
    return {path.parent: path for path in files if path.parent.is_dir()}


@contextmanager
def refused(why: object) -> Iterator[None]:
    with pytest.raises(FilesystemError) as caught:
        yield
    assert caught.value.fault is Fault.PERMISSION, (why, caught.value.detail)


def read(site: Filesystem, path: PurePosixPath) -> None:
    with site.read(path):
        pass


def receive(site: Filesystem, path: PurePosixPath) -> None:
    with site.receive(path):
        pass


DOORS: dict[str, Door] = {
    "src": read,
    "dst": receive,
    "a child of a prefix": lambda site, path: receive(site, path.parent / f"{NEW}/child"),
    "a prefix": lambda site, path: list(site.files(path)),
    "a path of a job to read": lambda site, path: site.exists(path),
    "a path of a job to write": lambda site, path: site.check_writable(path.parent / NEW),
}


def test_nothing_that_is_trusted_is_in_reach(home: Path, uses: set[Use]) -> None:
    names = {part for use in uses for part in use.path.parts}
    assert names >= PARTS, PARTS - names  # the trace is whole
    site = open_client_files(configured_clusters()["hpc"], LOCAL.owner)
    for number, (folder, path) in enumerate(trusted(uses, home).items()):
        link = home / f"link{number}"
        link.symlink_to(folder)
        for door, enter in DOORS.items():
            for way in (path, link / path.name):
                with refused((door, way)):
                    enter(site, PurePosixPath(way))
