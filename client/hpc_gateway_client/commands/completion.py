"""Completion of words by the shell: services, states, and the names of the gateway's clusters."""

import os
from collections.abc import Callable, Iterable

import typer

from hpc_gateway_client.commands.config import use_profile
from hpc_gateway_client.commands.connection import connect
from hpc_gateway_client.commands.output import LOCAL_URL
from hpc_gateway_client.errors import GatewayClientError

Complete = Callable[[str], list[str]]


def one_of(words: Iterable[str]) -> Complete:
    """Return the completion of one of the words."""
    known = sorted(words)
    return lambda incomplete: [word for word in known if word.startswith(incomplete)]


def some_of(words: Iterable[str]) -> Complete:
    """Return the completion of the last of several words with commas between them."""
    complete_last = one_of(words)

    def complete(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        return [f"{before}{comma}{word}" for word in complete_last(last)]

    return complete


def cluster_names(incomplete: str) -> list[str]:
    """Return the clusters of the profile or GATEWAY_URL; none when that gateway does not answer at once."""
    try:
        use_profile(os.environ.get("GATEWAY_PROFILE"))
        with connect(os.environ.get("GATEWAY_URL", LOCAL_URL)) as gateway:
            gateway.patience_s = 0.0
            return one_of(cluster.name for cluster in gateway.infrastructures())(incomplete)
    except (GatewayClientError, typer.BadParameter, ValueError):
        return []
