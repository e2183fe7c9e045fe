"""A worker killed between `submit()` and the record of it, fifty times: fifty jobs in Slurm."""

from collections import Counter
from pathlib import Path

import pytest

from tests.cluster.conftest import WAYS
from tests.cluster.killed_workers import killed_submissions
from tests.cluster.slurm_cluster import SlurmCluster, configure

JOBS = 50


@pytest.mark.parametrize("way", WAYS)
def test_killed_between_submit_and_record(cluster: SlurmCluster, tmp_path: Path, way: str) -> None:
    infrastructures = configure(cluster, tmp_path, way=way)
    recorded = killed_submissions(infrastructures, tmp_path, cluster.path, JOBS)
    lines = cluster.command("squeue", "-h", "-t", "all", "-o", "%j %i").splitlines()
    known = [line.rsplit(" ", 1) for line in lines]  # other tests have names with spaces
    cluster.empty()
    assert len(recorded) == JOBS
    assert Counter(name for name, _ in known if name in recorded) == Counter(recorded.keys())
    assert {name: number for name, number in known if name in recorded} == recorded
