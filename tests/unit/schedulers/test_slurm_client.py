"""The Slurm client where there is no Slurm."""

from pathlib import Path

import pytest

from gateway.errors import SchedulerError
from gateway.schedulers.slurm import client


def test_a_second_cluster_needs_a_second_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_used_conf", lambda: [Path("/etc/slurm/slurm.conf")])
    with pytest.raises(SchedulerError, match="one worker per cluster"):
        client.PyslurmClient(client.SlurmInstallation(Path("/etc/other/slurm.conf"), ""))
