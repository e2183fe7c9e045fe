"""The name of a cluster, checked before a byte moves, or when a filter has found nothing on it."""

from http import HTTPStatus
from typing import Annotated

import typer

from hpc_gateway_client.commands.completion import cluster_names
from hpc_gateway_client.commands.nearest import hint
from hpc_gateway_client.errors import Refused
from hpc_gateway_client.gateway import Gateway

Cluster = Annotated[
    str,
    typer.Option(envvar="GATEWAY_CLUSTER", help="The cluster to run on.", autocompletion=cluster_names),
]


def check_filter(gateway: Gateway, name: str | None, found: int) -> None:
    """Raise Refused when a filter names an unknown cluster; rows of one that was removed are still found."""
    if name is not None and not found:
        check_cluster(gateway, name)


def check_cluster(gateway: Gateway, name: str) -> None:
    """Raise Refused when the gateway has no cluster of that name."""
    known = [cluster.name for cluster in gateway.infrastructures()]
    if name not in known:
        raise Refused(HTTPStatus.NOT_FOUND, f"there is no cluster {name!r}: {hint(name, known)}")
