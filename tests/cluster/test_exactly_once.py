"""A worker killed between `submit()` and the record of it, fifty times: fifty jobs in Slurm."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

from gateway.encryption import new_key
from tests.cluster.slurm_cluster import SlurmCluster, configure
from tests.ordinary import ROOT, as_account, own

JOBS = 50
LEASE_S = 0.5


def killed_submissions(cluster: SlurmCluster, folder: Path) -> dict[str, str]:
    """Run the script of that name; return the recorded ids by name."""
    home = folder / "stack" / "cluster"
    home.mkdir(parents=True)
    own(home)
    done = subprocess.run(
        as_account(sys.executable, "-P", "-m", "tests.cluster.killed_submissions", "demo", str(JOBS)),
        env={
            "PATH": cluster.path,
            "PYTHONPATH": str(ROOT),
            "HOME": str(home),
            "GATEWAY_DATABASE_URL": f"sqlite:///{folder / 'gateway.db'}",
            "GATEWAY_INFRASTRUCTURES": str(configure(cluster, folder)),
            "GATEWAY_CREDENTIALS_KEY": new_key(),
            "GATEWAY_LEASE_S": str(LEASE_S),
        },
        cwd="/",
        stdout=subprocess.PIPE,
        check=True,
    )
    ids: dict[str, str] = json.loads(done.stdout)
    return ids


def test_killed_between_submit_and_record(cluster: SlurmCluster, tmp_path: Path) -> None:
    recorded = killed_submissions(cluster, tmp_path)
    lines = cluster.command("squeue", "-h", "-t", "all", "-o", "%j %i").splitlines()
    known = [tuple(line.split()) for line in lines]
    cluster.empty()
    assert len(recorded) == JOBS
    assert Counter(name for name, _ in known if name in recorded) == Counter(recorded.keys())
    assert {name: number for name, number in known if name in recorded} == recorded
