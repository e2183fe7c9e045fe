"""The name of a cluster, checked before a byte moves."""

from http import HTTPStatus

from hpc_gateway_client.commands.nearest import hint
from hpc_gateway_client.errors import Refused
from hpc_gateway_client.gateway import Gateway


def check_cluster(gateway: Gateway, name: str) -> None:
    """Raise Refused when the gateway has no cluster of that name."""
    known = [cluster.name for cluster in gateway.infrastructures()]
    if name not in known:
        raise Refused(HTTPStatus.NOT_FOUND, f"there is no cluster {name!r}: {hint(name, known)}")
