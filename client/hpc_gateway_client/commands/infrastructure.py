"""`hpc-gateway infrastructure`: the clusters that a gateway knows."""

from typing import Annotated

import typer

from hpc_gateway_client.commands import output
from hpc_gateway_client.commands.clusters import check_cluster
from hpc_gateway_client.commands.connection import connect
from hpc_gateway_client.commands.extensions import ExtensibleGroup
from hpc_gateway_client.commands.nearest import check_words
from hpc_gateway_client.commands.output import LOCAL_URL, AsJson, Url
from hpc_gateway_client.models import Infrastructure

app = typer.Typer(cls=ExtensibleGroup, no_args_is_help=True, help="The clusters a gateway knows.")
SCHEDULERS = ("slurm", "pbs")
Name = Annotated[str, typer.Argument(help="The cluster's name.")]


@app.command("add")
def add_cluster(
    name: Annotated[str, typer.Argument(help="The name that requests will use.")],
    *,
    host: Annotated[str, typer.Option(help="Address of the login node.")],
    username: Annotated[str, typer.Option(help="Account on the cluster.")],
    hostname: Annotated[str, typer.Option(help="The login node's own name.")] = "",
    scheduler: Annotated[str, typer.Option(help="slurm or pbs.")] = "slurm",
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port of its SSH server.")] = None,
    ssh_key: Annotated[str, typer.Option(help="Name of one of the operator's SSH keys.")] = "",
    host_key: Annotated[
        list[str] | None, typer.Option(help="Public key of its SSH server; may be repeated.")
    ] = None,
    python: Annotated[str, typer.Option(help="Interpreter on its nodes.")] = "",
    root: Annotated[
        list[str] | None, typer.Option(help="A folder that requests may use; may be repeated.")
    ] = None,
    url: Url = LOCAL_URL,
    as_json: AsJson = False,
) -> None:
    """Add a cluster, or replace the entry of that name."""
    check_words([scheduler], SCHEDULERS, "scheduler of an entry")
    more = {
        "port": port,
        "ssh_key": {"path": ssh_key} if ssh_key else None,
        "host_key": "\n".join(host_key or ()) or None,
        "python": python or None,
        "roots": root or None,
    }
    entry = {
        "name": name,
        "host": host,
        "username": username,
        "hostname": hostname or host,
        "scheduler": scheduler,
        **{field: value for field, value in more.items() if value is not None},
    }
    with connect(url) as gateway:
        _print_clusters([gateway.add_infrastructure(entry)], as_json=as_json)


@app.command("remove")
def remove_cluster(name: Name, url: Url = LOCAL_URL) -> None:
    """Remove a cluster that was added over REST, and that has no unfinished work."""
    with connect(url) as gateway:
        check_cluster(gateway, name)
        gateway.remove_infrastructure(name)
    output.print_line(f"{name} is removed")


@app.command("list")
def list_clusters(url: Url = LOCAL_URL, *, as_json: AsJson = False) -> None:
    """List the clusters."""
    with connect(url) as gateway:
        _print_clusters(gateway.infrastructures(), as_json=as_json)


@app.command("telemetry")
def show_telemetry(name: Name, url: Url = LOCAL_URL, *, as_json: AsJson = False) -> None:
    """Show the scheduler's figures of every partition."""
    with connect(url) as gateway:
        check_cluster(gateway, name)
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
    rows = [(entry.name, entry.scheduler, entry.host, entry.hostname, entry.reason) for entry in found]
    output.print_table(("name", "scheduler", "host", "hostname", "reason"), rows)
