"""The combinations of scheduler, commands and files on which the conformance suite runs."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gateway.command_runners.here import HereRunner
from gateway.command_runners.ssh.connections import close_all
from gateway.schedulers.base import Launcher, Scheduler
from gateway.schedulers.local.scheduler import LocalScheduler
from gateway.schedulers.opening import open_scheduler
from gateway.schedulers.pbs.commands import PbsCommands
from gateway.schedulers.pbs.scheduler import PbsScheduler
from tests.cluster.scheduler_process import scheduler_process
from tests.cluster.slurm_cluster import SlurmCluster
from tests.ordinary import own
from tests.pbs.fake_pbs import install
from tests.sshd import ORDINARY, PROGRAM, running

Way = Literal["local", "pbs", "pbs-ssh", "openpbs", "pyslurm", "commands", "commands-ssh"]
WAYS: tuple[Way, ...] = ("local", "pbs", "pbs-ssh", "openpbs", "pyslurm", "commands", "commands-ssh")
SLURM_PREFIX, OPENPBS = os.environ.get("GATEWAY_TEST_SLURM"), os.environ.get("GATEWAY_TEST_PBS")
CPUS = 8


@dataclass(frozen=True)
class Place:
    """An opened scheduler, and what a job of it needs."""

    scheduler: Scheduler
    launcher: Launcher
    waiting: str
    """A partition or queue that starts no jobs; "" where there is none."""
    is_cluster: bool = True
    account: str = ""
    """The account that runs the jobs; "" for the ordinary one of the tests."""

    def own(self, folder: Path) -> None:
        """Give the folder to the account that runs the jobs."""
        if self.account:
            shutil.chown(folder, self.account)
        else:
            own(folder)


def missing(way: Way) -> str:
    """Return the reason why this combination cannot be tried here, or ""."""
    if way in {"pyslurm", "commands", "commands-ssh"} and SLURM_PREFIX is None:
        return "no Slurm: tests/cluster/run.sh provisions one (docs/testing.md)"
    if way.endswith("-ssh") and (os.geteuid() != 0 or not PROGRAM.exists()):
        return "no sshd that root could start: apt-get install openssh-server"
    if way == "openpbs" and OPENPBS is None:
        return "no OpenPBS: GATEWAY_TEST_PBS names the folder of its commands (docs/testing.md)"
    return ""


@contextmanager
def opened(way: Way, folder: Path) -> Iterator[Place]:
    """Open a scheduler of this kind; its files lie below the folder."""
    if way == "local":
        yield Place(LocalScheduler(folder / "spool", CPUS), "processes", "", is_cluster=False)
    elif way == "pbs":
        yield Place(_pbs(f"{install(folder)}:/usr/bin:/bin"), "hosts", "paused")
    elif way == "pbs-ssh":
        programs = install(folder)
        with _over_ssh(folder, scheduler="pbs", path=f"{programs}:/usr/bin:/bin") as scheduler:
            yield Place(scheduler, "hosts", "paused", account=ORDINARY)
    elif way == "openpbs":
        yield Place(_pbs(f"{OPENPBS}:/usr/bin:/bin"), "hosts", os.environ.get("GATEWAY_TEST_PBS_STOPPED", ""))
    else:
        with _slurm(folder) as cluster, _slurm_scheduler(way, cluster, folder) as scheduler:
            cluster.command("scontrol", "update", "PartitionName=small", "State=DOWN")
            yield Place(scheduler, "srun", "small", account=ORDINARY if way == "commands-ssh" else "")


@contextmanager
def _slurm_scheduler(way: Way, cluster: SlurmCluster, folder: Path) -> Iterator[Scheduler]:
    if way == "commands-ssh":
        with _over_ssh(folder, scheduler="slurm", path=cluster.path, slurm_conf=cluster.conf) as scheduler:
            yield scheduler
    else:
        with scheduler_process(cluster, way=way) as scheduler:
            yield scheduler


@contextmanager
def _over_ssh(folder: Path, **cluster: object) -> Iterator[Scheduler]:
    """Open the scheduler of a cluster whose commands and files are behind an sshd, as an ordinary account."""
    keys, home = folder / "sshd", folder / "home"
    keys.mkdir()
    home.mkdir(mode=0o700)
    shutil.chown(home, ORDINARY)
    with running(keys, account=ORDINARY) as server:
        try:
            yield open_scheduler(server.cluster(home, **cluster))
        finally:
            close_all()


def _pbs(path: str) -> PbsScheduler:
    return PbsScheduler(PbsCommands(HereRunner({"PATH": path}), path))


@contextmanager
def _slurm(folder: Path) -> Iterator[SlurmCluster]:
    cluster = SlurmCluster(Path(SLURM_PREFIX or ""), folder / "slurm")
    cluster.act("start")
    try:
        yield cluster
    finally:
        cluster.act("stop")
