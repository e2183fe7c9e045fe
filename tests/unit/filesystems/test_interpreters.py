"""Interpreters: no request writes where one of the nodes, or the judge of tables, imports from."""

from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from gateway.clusters.configuration import Cluster
from gateway.errors import FilesystemError
from gateway.filesystems.opening import open_filesystem
from gateway.filesystems.sftp.packets import Attributes
from gateway.filesystems.sftp.protection import remote_protection

Reach = Callable[[Cluster, Path], bool]


def shared_reach(cluster: Cluster, path: Path) -> bool:
    try:
        open_filesystem(cluster, "local").write_text(PurePosixPath(path), "bad")
    except FilesystemError as error:
        return "files of the gateway" not in error.detail
    return True


class Server:
    """The calls of an SFTP server that serves this machine, as far as the protection needs them."""

    def real_path(self, path: str) -> str:
        return str(Path(path).resolve())

    def entries(self, path: str) -> Iterator[tuple[str, Attributes]]:
        return iter([(each.name, Attributes()) for each in Path(path).iterdir()])

    def open(self, path: str, _flags: int) -> bytes:
        return Path(path).read_bytes()

    def read(self, handle: bytes, offset: int, length: int) -> bytes:
        return handle[offset : offset + length]

    def data_of(self, answer: bytes) -> bytes:
        return answer

    def close(self, _handle: bytes) -> None:
        pass


class Sessions:
    """Sessions with that server."""

    def first(self) -> Server:
        return Server()


def remote_reach(cluster: Cluster, path: Path) -> bool:
    sessions: Any = Sessions()
    return not remote_protection(sessions, cluster, "local", 0).cover(str(path))


REACHES = {"shared": shared_reach, "sftp": remote_reach}


@pytest.fixture(params=REACHES)
def reach(request: pytest.FixtureRequest) -> Reach:
    return REACHES[request.param]


def new_cluster(home: Path, **more: object) -> Cluster:
    return Cluster.model_validate({"name": "hpc", "scheduler": "local", "home": str(home), **more})


def virtual_environment(home: Path, name: str, base: Path) -> Path:
    """Make a virtual environment whose interpreter is a copy, as `python -m venv --copies` does."""
    prefix = home / name
    (prefix / "bin").mkdir(parents=True)
    (prefix / "lib/python3.12/site-packages").mkdir(parents=True)
    (prefix / "pyvenv.cfg").write_text(f"Home = {base}/bin\ninclude-system-site-packages = true\n")
    (prefix / "bin/python").write_text("program")
    return prefix


def installation(home: Path, name: str) -> Path:
    prefix = home / name
    (prefix / "lib/python3.12/site-packages").mkdir(parents=True)
    (prefix / "bin").mkdir()
    (prefix / "bin/python").write_text("program")
    return prefix


def test_the_base_of_an_environment_of_copies_is_out_of_reach(tmp_path: Path, reach: Reach) -> None:
    base = installation(tmp_path, "base")
    between = virtual_environment(tmp_path, "between", base)
    made = virtual_environment(tmp_path, "made", between)
    cluster = new_cluster(tmp_path, python=str(made / "bin/python"))
    for path in (made, between, base):
        assert not reach(cluster, path / "lib/python3.12/json/__init__.py")
    assert reach(cluster, tmp_path / "serrano/x.csv")


def test_the_prefix_of_an_interpreter_behind_a_link_is_out_of_reach(tmp_path: Path, reach: Reach) -> None:
    base = installation(tmp_path, "base")
    (tmp_path / "made/bin").mkdir(parents=True)
    (tmp_path / "made/bin/python").symlink_to(base / "bin/python")
    cluster = new_cluster(tmp_path, python=str(tmp_path / "made/bin/python"))
    assert not reach(cluster, base / "lib/python3.12/os.py")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.pth", "{home}/src/kernels\n"),
        ("a.pth", "# a comment\n\n../../../../src/kernels\n"),
        ("a.pth", "import sys\n  {home}/src/kernels  \n"),
        ("__editable___hpc_kernels_finder.py", "MAPPING = {{'hpc_kernels': '{home}/src/kernels'}}\n"),
    ],
    ids=["absolute", "relative", "behind code", "editable"],
)
@pytest.mark.parametrize("of_base", [False, True])
def test_folders_that_packages_add_are_out_of_reach(
    *, tmp_path: Path, reach: Reach, name: str, text: str, of_base: bool
) -> None:
    base = installation(tmp_path, "base")
    made = virtual_environment(tmp_path, "made", base)
    site = (base if of_base else made) / "lib/python3.12/site-packages"
    (site / name).write_text(text.format(home=tmp_path))
    cluster = new_cluster(tmp_path, python=str(made / "bin/python"))
    assert not reach(cluster, tmp_path / "src/kernels/hpc_kernels/__init__.py")


def test_an_interpreter_on_the_path_is_out_of_reach_with_its_libraries(tmp_path: Path, reach: Reach) -> None:
    base = installation(tmp_path, "base")
    made = virtual_environment(tmp_path, "made", base)
    cluster = new_cluster(tmp_path, python="python", path=f"{made}/bin:/usr/bin:relative")
    for path in (
        made / "lib/python3.12/site-packages/x.pth",
        made / "pyvenv.cfg",
        base / "lib/python3.12/x.py",
    ):
        assert not reach(cluster, path)


def test_libraries_beside_the_programs_of_the_path_are_out_of_reach(tmp_path: Path, reach: Reach) -> None:
    cluster = new_cluster(tmp_path, path=f"{tmp_path}/slurm/sbin:{tmp_path}/bin:{tmp_path}/tools")
    for name in ("slurm/lib/slurm/auth.so", "slurm/x", "bin/sbatch", "lib/x.so", "tools/x"):
        assert not reach(cluster, tmp_path / name), name
    assert reach(cluster, tmp_path / "libraries/x")


def test_the_configuration_of_ucx_in_the_home_is_out_of_reach(tmp_path: Path, reach: Reach) -> None:
    cluster = new_cluster(tmp_path)
    assert not reach(cluster, tmp_path / "ucx.conf")
    assert reach(cluster, tmp_path / "serrano/ucx.conf")


def test_a_folder_of_programs_behind_a_link_is_out_of_reach(tmp_path: Path, reach: Reach) -> None:
    (tmp_path / "slurm-26/bin").mkdir(parents=True)
    (tmp_path / "slurm").symlink_to("slurm-26")
    cluster = new_cluster(tmp_path, path=f"{tmp_path}/slurm/bin")
    assert not reach(cluster, tmp_path / "slurm-26/lib/x.so")


@pytest.mark.parametrize(
    "text", ["home\n", "home = \n", "home = relative\n", "\0\n=\n", "home = /\n", "é" * 99]
)
def test_an_odd_configuration_of_an_environment_is_no_error(tmp_path: Path, reach: Reach, text: str) -> None:
    made = virtual_environment(tmp_path, "made", tmp_path / "base")
    (made / "pyvenv.cfg").write_text(text)
    (made / "lib/python3.12/site-packages/x.pth").write_text(f"{text}\nx\0y\n")
    cluster = new_cluster(tmp_path, python=str(made / "bin/python"))
    assert reach(cluster, tmp_path / "serrano/x.csv")


def test_the_interpreter_of_the_judge_is_out_of_reach(
    tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    base = installation(tmp_path, "base")
    made = virtual_environment(tmp_path, "judge", base)
    environment.setenv("GATEWAY_JUDGE_PYTHON", str(made / "bin/python"))
    for path in (
        made / "lib/python3.12/site-packages/x.pth",
        made / "bin/python",
        base / "lib/python3.12/x.py",
    ):
        assert not shared_reach(new_cluster(tmp_path), path)
