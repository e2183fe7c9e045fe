"""Opens the command runner of a configured cluster."""

from functools import lru_cache

from gateway.clusters.configuration import Cluster
from gateway.command_runners.base import CommandRunner
from gateway.command_runners.here import DEFAULT_PATH, HereRunner
from gateway.command_runners.ssh.runner import SshRunner


@lru_cache
def open_runner(cluster: Cluster) -> CommandRunner:
    """Return the runner of the cluster's commands; each process has one per cluster."""
    if cluster.commands == "ssh":
        return open_ssh_runner(cluster)
    return HereRunner({"PATH": f"{cluster.path}:{DEFAULT_PATH}"})


@lru_cache
def open_ssh_runner(cluster: Cluster) -> SshRunner:
    """Return the runner of a cluster that is reached over SSH: all that it serves share few channels."""
    return SshRunner(cluster)
