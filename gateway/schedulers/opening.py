"""Opens the scheduler of a configured cluster."""

from functools import lru_cache
from pathlib import Path

from gateway.clusters.configuration import Cluster
from gateway.command_runners.opening import open_runner
from gateway.schedulers.base import Scheduler
from gateway.schedulers.far_records import FarRecords
from gateway.schedulers.local.scheduler import LocalScheduler
from gateway.schedulers.pbs.commands import PbsCommands
from gateway.schedulers.pbs.scheduler import PbsScheduler
from gateway.schedulers.slurm.client import PyslurmClient, SlurmInstallation
from gateway.schedulers.slurm.commands.calls import SlurmCommands
from gateway.schedulers.slurm.commands.client import CommandClient
from gateway.schedulers.slurm.commands.scheduler import CommandScheduler
from gateway.schedulers.slurm.scheduler import SlurmScheduler

SPOOL = "spool"  # below the control area


@lru_cache
def open_scheduler(cluster: Cluster) -> Scheduler:
    """Return the scheduler of the cluster; each process has one per cluster."""
    scheduler = _open(cluster)
    return FarRecords(scheduler, cluster) if cluster.files == "sftp" else scheduler


def _open(cluster: Cluster) -> Scheduler:
    """Return the scheduler by the language and the place of its commands."""
    if cluster.scheduler == "local":
        return LocalScheduler(Path(cluster.control) / SPOOL, cluster.max_cpus)
    if cluster.scheduler == "slurm" and cluster.slurm == "commands":
        commands = SlurmCommands(open_runner(cluster), cluster.path, str(cluster.slurm_conf))
        return CommandScheduler(CommandClient(commands))
    if cluster.scheduler == "slurm":
        return SlurmScheduler(PyslurmClient(SlurmInstallation(Path(cluster.slurm_conf), cluster.path)))
    return PbsScheduler(PbsCommands(open_runner(cluster), cluster.path))
