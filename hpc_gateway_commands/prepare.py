"""`hpc-gateway infrastructure prepare`: the kernels on a cluster that is reached over SSH."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from gateway.cleaning import clean
from gateway.clusters.configuration import configured_clusters
from gateway.clusters.served import checked_cluster
from gateway.operations.prepare import prepare_cluster
from hpc_gateway_commands.database import ready_database


def prepare(
    name: Annotated[str, typer.Argument(help="The cluster, of the configuration or added over REST.")],
    *,
    wheels: Annotated[
        Path, typer.Option(help="Folder of the wheels to carry along: `pip wheel -w wheels ./kernels pip`.")
    ] = Path("wheels"),
    python: Annotated[str, typer.Option(help="Interpreter on the cluster, 3.11 or later.")] = "",
) -> None:
    """Install the kernels on a cluster that is reached over SSH, and compile their machine code there."""
    with nullcontext() if name in configured_clusters() else ready_database():
        cluster = checked_cluster(name)
    for told in prepare_cluster(cluster, wheels, python):
        typer.echo(clean(told))
