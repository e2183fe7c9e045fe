"""`hpc-gateway doctor` on this machine: its findings and its advice."""

import sys
from pathlib import Path, PurePosixPath

import pytest

from gateway.clusters.configuration import Cluster
from gateway.operations.doctor import FOLDER, Finding, examine


def findings(home: Path, **changes: object) -> dict[str, Finding]:
    given = {"name": "here", "scheduler": "local", "home": home, "python": sys.executable, "max_cpus": 1}
    return {finding.check: finding for finding in examine(Cluster.model_validate(given | changes))}


def test_all_is_well(tmp_path: Path) -> None:
    found = findings(tmp_path)
    assert list(found) == ["scheduler", "partitions", "filesystem", "job on a node"]
    assert all(finding.well for finding in found.values()), found
    assert "hpc_kernels" in found["job on a node"].found
    assert list((tmp_path / ".hpc-gateway" / FOLDER).iterdir()) == []


@pytest.mark.parametrize("python", ["/no/such/python", "/bin/false", "/bin/true"])
def test_an_interpreter_that_cannot_run_the_kernels(tmp_path: Path, python: str) -> None:
    job = findings(tmp_path, python=python)["job on a node"]
    assert not job.well
    assert "hpc_kernels" in job.advice


def test_a_partition_that_does_not_exist(tmp_path: Path) -> None:
    found = findings(tmp_path, defaults={"partition": "gpu"})["partitions"]
    assert not found.well
    assert "gpu" in found.found


def test_a_root_that_does_not_exist(tmp_path: Path) -> None:
    found = findings(tmp_path, roots=(PurePosixPath(tmp_path / "gone"),))["filesystem"]
    assert not found.well
    assert "gone" in found.found


def test_without_a_configuration_nothing_else_is_tried(tmp_path: Path) -> None:
    found = findings(tmp_path, scheduler="slurm", slurm_conf=tmp_path / "slurm.conf")
    assert list(found) == ["slurm.conf"]
    assert not found["slurm.conf"].well
