"""Runs `tests.cluster.killed_submissions` as the ordinary account, on a database of its own."""

import json
import subprocess
import sys
from pathlib import Path

from gateway.encryption import new_key
from tests.ordinary import ROOT, as_account, own

LEASE_S = 0.5


def killed_submissions(infrastructures: Path, folder: Path, path: str, count: int) -> dict[str, str]:
    """Submit so many jobs to the cluster `demo`, each by two workers; return the recorded ids by name."""
    home = folder / "stack" / "cluster"
    home.mkdir(parents=True)
    own(home)
    done = subprocess.run(
        as_account(sys.executable, "-P", "-m", "tests.cluster.killed_submissions", "demo", str(count)),
        env={
            "PATH": path,
            "PYTHONPATH": str(ROOT),
            "HOME": str(home),
            "GATEWAY_DATABASE_URL": f"sqlite:///{folder / 'gateway.db'}",
            "GATEWAY_INFRASTRUCTURES": str(infrastructures),
            "GATEWAY_CREDENTIALS_KEY": new_key(),
            "GATEWAY_LEASE_S": str(LEASE_S),
        },
        cwd="/",
        stdout=subprocess.PIPE,
        check=True,
    )
    ids: dict[str, str] = json.loads(done.stdout)
    return ids
