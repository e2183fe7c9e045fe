"""`hpc-gateway doctor` on the real Slurm, in processes of its own as an operator runs it."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from tests.cluster.slurm_cluster import SlurmCluster, configure
from tests.ordinary import as_account, own


def doctor(cluster: SlurmCluster, folder: Path) -> subprocess.CompletedProcess[str]:
    home = folder / "stack" / "cluster"
    home.mkdir(parents=True, exist_ok=True)
    own(home)
    path = "/usr/bin:/bin:/usr/sbin"
    return subprocess.run(
        as_account(sys.executable, "-P", "-m", "hpc_gateway_client", "doctor", "demo"),
        env={"GATEWAY_INFRASTRUCTURES": str(configure(cluster, folder)), "PATH": path, "HOME": str(home)},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_all_is_well(cluster: SlurmCluster, tmp_path: Path) -> None:
    done = doctor(cluster, tmp_path)
    account, *others = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert "this command runs as root" not in account, "a part of another gateway of this machine may"
    assert [line for line in others if not line.startswith("well: ")] == [], done.stdout + done.stderr
    assert len(others) == 6
    assert "hpc_kernels" in done.stdout


def test_an_mpi_that_srun_does_not_know(cluster: SlurmCluster, tmp_path: Path) -> None:
    done = doctor(replace(cluster, mpi="pmi99"), tmp_path)
    assert done.returncode == 1
    assert "NOT WELL: job on a node" in done.stdout
    assert "Invalid MPI type 'pmi99'" in done.stdout
    assert "srun knows `mpi`" in done.stdout


def test_munge_down(cluster: SlurmCluster, tmp_path: Path) -> None:
    cluster.kill("munge", signal.SIGTERM)
    try:
        done = doctor(cluster, tmp_path)
    finally:
        cluster.act("munge")
    assert done.returncode == 1
    assert "NOT WELL: munge" in done.stdout
    assert "munge.key" in done.stdout


def test_the_controller_down(cluster: SlurmCluster, tmp_path: Path) -> None:
    cluster.kill("slurmctld", signal.SIGKILL)
    try:
        done = doctor(cluster, tmp_path)
    finally:
        cluster.act("controller")
    assert done.returncode == 1
    assert "NOT WELL: scheduler" in done.stdout
    assert "slurmctld" in done.stdout


def test_a_configuration_that_libslurm_cannot_use(cluster: SlurmCluster, tmp_path: Path) -> None:
    text = cluster.conf.read_text().replace("auth/munge", "auth/nothing")
    (tmp_path / "slurm.conf").write_text(text)
    broken = replace(cluster, run=tmp_path)
    done = doctor(broken, tmp_path)
    assert done.returncode == 1
    assert "NOT WELL: slurm.conf: libslurm cannot use" in done.stdout
