"""The gateway that a command talks to, and the key or token that says who asks.

It comes from the environment or a file, and never from the command line, which everybody sees in `ps`.
"""

import os
from pathlib import Path

from gateway.errors import GatewayError
from hpc_gateway_client import Gateway, Store
from hpc_gateway_client.requests import PATIENCE_S as WAITING_PATIENCE_S

PATIENCE_S = 3.0


def connect(url: str) -> Gateway:
    """Connect for a question, whose answer somebody sits and waits for."""
    return Gateway(url, token=_token(), patience_s=PATIENCE_S)


def connect_to_wait(url: str, infrastructure: str = "", store: Store | None = None) -> Gateway:
    """Connect for work that takes its time, and for which a gateway that is away is waited for."""
    return Gateway(url, infrastructure, store, token=_token(), patience_s=WAITING_PATIENCE_S)


def _token() -> str | None:
    """Return GATEWAY_TOKEN, or what the file of GATEWAY_TOKEN_FILE holds."""
    if token := os.environ.get("GATEWAY_TOKEN"):
        return token
    file = os.environ.get("GATEWAY_TOKEN_FILE")
    if not file:
        return None
    try:
        return Path(file).read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise GatewayError(f"GATEWAY_TOKEN_FILE: {file} cannot be read: {error}") from error
