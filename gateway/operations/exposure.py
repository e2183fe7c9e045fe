"""Exposure: listening without accounts, folders that owners share, and endpoints with every port."""

import ipaddress
import logging
import socket
from collections.abc import Sequence

from gateway.allow_list import without_port
from gateway.clusters.configuration import OWNER, configured_clusters
from gateway.errors import GatewayError
from gateway.settings import get_settings

_log = logging.getLogger(__name__)


class Exposed(GatewayError):
    """The API would serve strangers, because it has no accounts and listens beyond this machine."""

    title = "No accounts"


def check_exposure(host: str) -> None:
    """Raise Exposed when the API would listen beyond this machine without accounts."""
    settings = get_settings()
    if settings.auth == "none" and not settings.open_to_all and not is_loopback(host):
        raise Exposed(
            f"without accounts, everyone with access to {host} can use the clusters: set GATEWAY_AUTH=keys"
            " (then `hpc-gateway keys create`) or GATEWAY_AUTH=oidc, listen on 127.0.0.1, or, if it is meant,"
            " set GATEWAY_OPEN_TO_ALL=true"
        )


def warn_of_shared_roots() -> None:
    """Log the folders that all owners share although the gateway has accounts."""
    if get_settings().auth == "none":
        return
    for cluster in configured_clusters().values():
        shared = [str(root) for root in cluster.roots if OWNER not in root.parts]
        if shared:
            _log.warning(
                "%s: all owners share %s: %s would part them", cluster.name, ", ".join(shared), OWNER
            )


def warn_of_open_ports() -> None:
    """Log the entries of GATEWAY_ALLOWED_ENDPOINTS that allow every port of their host."""
    if open_entries := without_port(get_settings().allowed_endpoints):
        _log.warning("%s", open_ports(open_entries))


def open_ports(entries: Sequence[str]) -> str:
    """Return the sentence on entries without a port."""
    return (
        f"GATEWAY_ALLOWED_ENDPOINTS: {', '.join(entries)} allows every port, so clients reach all services"
        " there: add the store's port (host:port)"
    )


def is_loopback(host: str) -> bool:
    """Tell whether every address that the host stands for is this machine's own."""
    if not host:
        return False  # it listens everywhere
    try:
        found = socket.getaddrinfo(host, None)
    except OSError:
        return False
    return all(ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback for *_, address in found)
