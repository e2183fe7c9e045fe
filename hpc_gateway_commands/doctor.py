"""`hpc-gateway doctor`: checks of a cluster where its worker runs."""

from typing import Annotated

import typer
from sqlalchemy.exc import SQLAlchemyError

from gateway.allow_list import without_port
from gateway.cleaning import clean
from gateway.clusters import catalog
from gateway.clusters.configuration import Cluster, configured_clusters
from gateway.db import session_scope
from gateway.errors import GatewayError, NotFound
from gateway.operations.doctor import examine
from gateway.operations.exposure import open_ports
from gateway.settings import get_settings


def doctor(
    name: Annotated[str, typer.Argument(help="The cluster, as the configuration names it.")],
) -> None:
    """Check a cluster's worker, here and on a compute node, and advise on each problem."""
    clusters = configured_clusters()
    if name not in clusters and (cluster := _added_cluster(name)) is not None:
        clusters = clusters | {name: cluster}
    if name not in clusters:
        file = get_settings().infrastructures.absolute()
        defined = ", ".join(sorted(clusters)) or "no cluster"
        raise GatewayError(f"{name!r} is not in {file} (GATEWAY_INFRASTRUCTURES), which defines {defined}")
    well = True
    if entries := without_port(get_settings().allowed_endpoints):
        typer.echo(f"note: {open_ports(entries)}")
    for finding in examine(clusters[name]):
        well = well and finding.well
        typer.echo(clean(f"{'well' if finding.well else 'NOT WELL'}: {finding.check}: {finding.found}"))
        if finding.advice:
            typer.echo(f"  {finding.advice}")
    raise typer.Exit(0 if well else 1)


def _added_cluster(name: str) -> Cluster | None:
    """Return a cluster that was added over REST; raise for one that lacks something to be served."""
    try:
        with session_scope(read_only=True) as session:
            missing = catalog.find_missing(session, name)
            cluster = catalog.get_cluster(session, name)
    except (NotFound, SQLAlchemyError):
        return None
    if missing:
        raise GatewayError(f"{name} was added over REST and is not served: {missing}")
    return cluster
