"""`hpc-gateway infrastructure`: the clusters that a gateway knows."""

from typing import Annotated

import typer

from hpc_gateway_client.commands import output
from hpc_gateway_client.commands.connection import connect
from hpc_gateway_client.commands.extensions import ExtensibleGroup
from hpc_gateway_client.commands.output import LOCAL_URL, AsJson, Url
from hpc_gateway_client.models import Infrastructure

app = typer.Typer(cls=ExtensibleGroup, no_args_is_help=True, help="The clusters a gateway knows.")
Name = Annotated[str, typer.Argument(help="The cluster's name.")]


@app.command("add")
def add_cluster(
    name: Annotated[str, typer.Argument(help="The name that requests will use.")],
    *,
    host: Annotated[str, typer.Option(help="Address of the login node.")],
    username: Annotated[str, typer.Option(help="Account on the cluster.")],
    hostname: Annotated[str, typer.Option(help="The login node's own name.")] = "",
    scheduler: Annotated[str, typer.Option(help="slurm or pbs.")] = "slurm",
    url: Url = LOCAL_URL,
    as_json: AsJson = False,
) -> None:
    """Add a cluster, or replace the entry of that name."""
    entry = {
        "name": name,
        "host": host,
        "username": username,
        "hostname": hostname or host,
        "scheduler": scheduler,
    }
    with connect(url) as gateway:
        _print_clusters([gateway.add_infrastructure(entry)], as_json=as_json)


@app.command("list")
def list_clusters(url: Url = LOCAL_URL, *, as_json: AsJson = False) -> None:
    """List the clusters."""
    with connect(url) as gateway:
        _print_clusters(gateway.infrastructures(), as_json=as_json)


@app.command("telemetry")
def show_telemetry(name: Name, url: Url = LOCAL_URL, *, as_json: AsJson = False) -> None:
    """Show the scheduler's figures of every partition."""
    with connect(url) as gateway:
        found = gateway.telemetry(name)
    if as_json:
        output.print_json(found)
        return
    rows = [
        (
            part.name,
            f"{part.avail_nodes} of {part.total_nodes}",
            f"{part.avail_cpus} of {part.total_cpus}",
            str(part.running_jobs),
            str(part.queued_jobs),
        )
        for part in found.partitions
    ]
    output.print_table(("partition", "free nodes", "free CPUs", "running", "queued"), rows)


def _print_clusters(found: list[Infrastructure], *, as_json: bool) -> None:
    if as_json:
        output.print_json(found)
        return
    rows = [(entry.name, entry.scheduler, entry.host, entry.hostname) for entry in found]
    output.print_table(("name", "scheduler", "host", "hostname"), rows)
