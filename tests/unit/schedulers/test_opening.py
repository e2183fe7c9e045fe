"""The scheduler of a configured cluster."""

from pathlib import Path, PurePosixPath
from typing import Literal

import pytest

from gateway.clusters.configuration import Cluster
from gateway.errors import SchedulerError
from gateway.schedulers.opening import open_scheduler


def cluster(home: Path, scheduler: Literal["local", "slurm", "pbs"]) -> Cluster:
    return Cluster(name="here", scheduler=scheduler, home=PurePosixPath(home), max_cpus=3)


def test_local(tmp_path: Path) -> None:
    [partition] = open_scheduler(cluster(tmp_path, "local")).partitions()
    assert (partition.name, partition.total_cpus, partition.avail_cpus) == ("local", 3, 3)
    assert (tmp_path / ".hpc-gateway" / "spool").is_dir()


def test_not_supported_yet(tmp_path: Path) -> None:
    with pytest.raises(SchedulerError, match=r"here: .*'pbs'"):
        open_scheduler(cluster(tmp_path, "pbs"))
