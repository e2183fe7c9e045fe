"""`hpc-gateway infrastructure prepare` over a real sshd, with a small package in place of the kernels."""

import ensurepip
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from gateway.clusters.configuration import Cluster
from gateway.errors import GatewayError, Invalid
from gateway.operations.prepare import prepare_cluster
from tests.sshd import Sshd

PIP = next((Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"))
PROGRAM = """
import os, pathlib, sys
assert sys.argv[1:] == ["warm"] and sys.flags.isolated
cache = pathlib.Path(os.environ["HPC_KERNELS_CACHE"])
cache.mkdir(parents=True, exist_ok=True)
(cache / "warm").write_text("version {version}")
"""


def make_wheel(folder: Path, version: str = "1.0", tag: str = "py3-none-any", program: str = PROGRAM) -> None:
    about = f"hpc_kernels-{version}.dist-info"
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"hpc_kernels-{version}-{tag}.whl", "w") as wheel:
        wheel.writestr("hpc_kernels/__init__.py", f"__version__ = {version!r}")
        wheel.writestr("hpc_kernels/__main__.py", program.format(version=version))
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: hpc-kernels\nVersion: {version}\n")
        wheel.writestr(f"{about}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        wheel.writestr(f"{about}/RECORD", "")


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    make_wheel(folder)
    shutil.copy(PIP, folder)
    return folder


@pytest.fixture
def cluster(sshd: Sshd, home: Path) -> Cluster:
    return sshd.cluster(home, path=f"{Path(sys.executable).parent}:/usr/bin:/bin")


def test_the_kernels_are_installed(cluster: Cluster, wheels: Path, home: Path) -> None:
    control = home / ".hpc-gateway"
    told = list(prepare_cluster(cluster, wheels))
    assert told[1] == f"2 wheels are in {control}/wheels"
    assert told[-1] == f'the cluster needs: python = "{control}/kernels/bin/python"'
    assert (control / "cache/warm").read_text() == "version 1.0"
    assert control.stat().st_mode & 0o777 == 0o700
    here = [
        str(control / "kernels/bin/python"),
        "-I",
        "-c",
        "import hpc_kernels; print(hpc_kernels.__file__)",
    ]
    assert f"{control}/kernels/lib" in subprocess.check_output(here, text=True)


@pytest.mark.long
def test_newer_kernels_replace_the_others(cluster: Cluster, wheels: Path, home: Path) -> None:
    list(prepare_cluster(cluster, wheels))
    make_wheel(wheels, "2.0")
    list(prepare_cluster(cluster, wheels, "python3"))
    assert (home / ".hpc-gateway/cache/warm").read_text() == "version 2.0"


def test_the_interpreter_fits_the_wheels(cluster: Cluster, wheels: Path, home: Path) -> None:
    make_wheel(wheels, tag="cp38-cp38-any")
    with pytest.raises(GatewayError, match=r"the wheels need Python 3.8, .*python3 is 3\.\d+.*--python"):
        list(prepare_cluster(cluster, wheels))
    assert list(home.iterdir()) == []
    with pytest.raises(GatewayError, match="/no/such/python is not there"):
        list(prepare_cluster(cluster, wheels, "/no/such/python"))


def test_a_failed_step_is_told_in_the_words_of_the_cluster(
    cluster: Cluster, wheels: Path, home: Path
) -> None:
    (home / ".hpc-gateway").mkdir(mode=0o700)
    (home / ".hpc-gateway/kernels").write_text("no folder")
    with pytest.raises(GatewayError, match=r"-m venv .* failed on the cluster: .*kernels'$"):
        list(prepare_cluster(cluster, wheels))


def test_without_wheels_or_ssh_nothing_is_done(cluster: Cluster, tmp_path: Path, home: Path) -> None:
    with pytest.raises(Invalid, match="holds no wheel of hpc_kernels: `pip wheel -w"):
        list(prepare_cluster(cluster, tmp_path))
    with pytest.raises(Invalid, match="is not reached over SSH and SFTP"):
        list(prepare_cluster(cluster.model_copy(update={"files": "shared"}), tmp_path))
    assert list(home.iterdir()) == []
