"""The scheduler of a configured cluster."""

from pathlib import Path, PurePosixPath
from typing import Literal

import pytest

from gateway.clusters.configuration import Cluster
from gateway.errors import SchedulerUnavailable
from gateway.schedulers.opening import open_scheduler
from gateway.schedulers.pbs.scheduler import PbsScheduler
from gateway.schedulers.slurm.commands.scheduler import CommandScheduler


def cluster(home: Path, scheduler: Literal["local", "slurm", "pbs"]) -> Cluster:
    return Cluster(name="here", scheduler=scheduler, home=PurePosixPath(home), max_cpus=3)


def test_local(tmp_path: Path) -> None:
    [partition] = open_scheduler(cluster(tmp_path, "local")).partitions()
    assert (partition.name, partition.total_cpus, partition.avail_cpus) == ("local", 3, 3)
    assert (tmp_path / ".hpc-gateway" / "spool").is_dir()


def test_pbs_asks_nothing_when_it_is_opened(tmp_path: Path) -> None:
    assert isinstance(open_scheduler(cluster(tmp_path, "pbs")), PbsScheduler)


def test_slurm_by_commands_needs_no_pyslurm(tmp_path: Path) -> None:
    found = cluster(tmp_path, "slurm").model_copy(update={"slurm": "commands"})
    assert isinstance(open_scheduler(found), CommandScheduler)


def test_a_missing_command_is_told_with_the_setting(tmp_path: Path) -> None:
    found = cluster(tmp_path, "pbs").model_copy(update={"path": "/nowhere"})
    with pytest.raises(SchedulerUnavailable, match="qstat is not found.*`path`"):
        open_scheduler(found).check()
