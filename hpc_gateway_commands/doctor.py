"""`hpc-gateway doctor`: checks of a cluster where its worker runs."""

from typing import Annotated

import typer

from gateway.allow_list import without_port
from gateway.cleaning import clean
from gateway.clusters.configuration import Cluster, configured_clusters
from gateway.clusters.served import checked_cluster
from gateway.errors import GatewayError, NotFound
from gateway.operations.doctor import examine
from gateway.operations.exposure import open_ports
from gateway.settings import get_settings
from hpc_gateway_commands.database import DatabaseNotReady, ready_database


def doctor(
    name: Annotated[str, typer.Argument(help="The cluster, as the configuration names it.")],
) -> None:
    """Check a cluster's worker, here and on a compute node, and advise on each problem."""
    cluster, well = _find_cluster(name), True
    if entries := without_port(get_settings().allowed_endpoints):
        typer.echo(f"note: {open_ports(entries)}")
    for finding in examine(cluster):
        well = well and finding.well
        typer.echo(clean(f"{'well' if finding.well else 'NOT WELL'}: {finding.check}: {finding.found}"))
        if finding.advice:
            typer.echo(f"  {finding.advice}")
    raise typer.Exit(0 if well else 1)


def _find_cluster(name: str) -> Cluster:
    """Return a cluster of the file, or one that was added over REST and lacks nothing to be served."""
    if (found := configured_clusters().get(name)) is not None:
        return found
    try:
        with ready_database():
            return checked_cluster(name)
    except NotFound:
        raise _unknown(name) from None
    except DatabaseNotReady as error:
        raise _unknown(name, f"; those added over REST are not known, as {error.detail}") from None


def _unknown(name: str, more: str = "") -> GatewayError:
    file = get_settings().infrastructures.absolute()
    defined = ", ".join(sorted(configured_clusters())) or "no cluster"
    return GatewayError(f"{name!r} is not in {file} (GATEWAY_INFRASTRUCTURES), which defines {defined}{more}")
