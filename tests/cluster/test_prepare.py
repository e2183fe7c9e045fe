"""`infrastructure prepare` and `doctor` of a real Slurm behind SSH, in processes of their own."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.slurm_cluster import SlurmCluster
from tests.integration.ssh.test_prepare import PIP, make_wheel
from tests.ordinary import as_account, own
from tests.sshd import ORDINARY, Sshd

pytestmark = pytest.mark.parametrize("cluster", ["plain"], indirect=True)

CONFIGURATION = """
[far]
scheduler = "slurm"
commands = "ssh"
files = "sftp"
home = "{home}"
python = "{home}/.hpc-gateway/kernels/bin/python"
path = "{path}"
slurm_conf = "{conf}"
defaults = {{partition = "debug"}}
[far.ssh]
host = "127.0.0.1"
port = {port}
username = "{account}"
key = "{key}"
host_key = "{host_key}"
"""


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the operator's, as the account of the service."""
    return subprocess.run(
        as_account(sys.executable, "-P", "-m", "hpc_gateway_client", *words),
        env={
            "GATEWAY_INFRASTRUCTURES": str(folder / "far.toml"),
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
        },
        cwd="/",
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_a_cluster_without_kernels_is_prepared(cluster: SlurmCluster, sshd: Sshd, tmp_path: Path) -> None:
    home, wheels = tmp_path / "home", tmp_path / "wheels"
    home.mkdir(mode=0o700)
    shutil.chown(home, ORDINARY)
    make_wheel(wheels)
    shutil.copy(PIP, wheels)
    key = Path(shutil.copy(sshd.key, tmp_path / "id"))
    own(key)
    values = {"port": sshd.port, "account": ORDINARY, "key": key, "host_key": sshd.host_key}
    text = CONFIGURATION.format(home=home, path=cluster.path, conf=cluster.conf, **values)
    (tmp_path / "far.toml").write_text(text)

    before = run(tmp_path, "doctor", "far")
    assert before.returncode == 1
    assert "NOT WELL: job on a node" in before.stdout, before.stdout + before.stderr
    done = run(tmp_path, "infrastructure", "prepare", "far", "--wheels", str(wheels))
    assert done.returncode == 0, done.stdout + done.stderr
    assert (
        done.stdout.splitlines()[-1]
        == f'the cluster needs: python = "{home}/.hpc-gateway/kernels/bin/python"'
    )
    after = run(tmp_path, "doctor", "far")
    _, *others = [line for line in after.stdout.splitlines() if not line.startswith(" ")]
    assert [line for line in others if not line.startswith("well: ")] == [], after.stdout + after.stderr
    assert [line.split(": ")[1] for line in others] == [
        "ssh",
        "scheduler",
        "partitions",
        "sftp",
        "job on a node",
    ]
    assert "hpc_kernels 1.0" in others[-1]
