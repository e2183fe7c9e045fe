"""The gateway of a command, and the token of the caller.

The token comes from the environment or a file, never from the command line, which `ps` shows to all users.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hpc_gateway_client.errors import GatewayClientError
from hpc_gateway_client.gateway import Gateway
from hpc_gateway_client.store import Store

SHORT_PATIENCE_S = 3.0


def connect(url: str, infrastructure: str = "") -> Gateway:
    """Connect for a short call: a gateway that is away is an error after 3 seconds."""
    return Gateway(url, infrastructure, token=_token(), patience_s=SHORT_PATIENCE_S)


def connect_to_wait(url: str, infrastructure: str = "", store: Store | None = None) -> Gateway:
    """Connect for long work: a gateway that is away is waited for, as long as the client's default."""
    return Gateway(url, infrastructure, store, token=_token())


@contextmanager
def before_work(gateway: Gateway) -> Iterator[None]:
    """Give up after 3 seconds within the block: there is nothing yet for which to wait."""
    patience_s, gateway.patience_s = gateway.patience_s, SHORT_PATIENCE_S
    try:
        yield
    finally:
        gateway.patience_s = patience_s


def _token() -> str | None:
    """Return GATEWAY_TOKEN, or the content of the file that GATEWAY_TOKEN_FILE names."""
    if token := os.environ.get("GATEWAY_TOKEN"):
        return token
    file = os.environ.get("GATEWAY_TOKEN_FILE")
    if not file:
        return None
    try:
        return Path(file).read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise GatewayClientError(f"GATEWAY_TOKEN_FILE: {file} cannot be read: {error}") from error
