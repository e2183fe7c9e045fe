"""Owners of a stack with keys: each sends requests of its own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from hpc_gateway_commands.demo.stack import Stack
from tests.client import Client


@contextmanager
def acting_as(client: Client, owner: str) -> Iterator[Client]:
    """Send the requests of one owner, with a new key."""
    headers = {"Authorization": f"Bearer {_make_key(client.stack, owner)}"}
    with httpx.Client(base_url=client.stack.api_url, timeout=30, headers=headers) as http:
        yield Client(client.stack, http, client.s3)


def _make_key(stack: Stack, owner: str) -> str:
    argv = [sys.executable, "-m", "hpc_gateway_client", "keys", "create", owner]
    done = subprocess.run(argv, env=dict(stack.env), capture_output=True, text=True, check=True)
    return done.stdout.strip()
