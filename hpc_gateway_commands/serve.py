"""`hpc-gateway serve`: the REST API."""

from typing import Annotated

import typer

from gateway import processes
from hpc_gateway_commands.ports import API_PORT


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = API_PORT,
    workers: Annotated[int, typer.Option(help="Number of processes.")] = 1,
) -> None:
    """Serve the REST API."""
    words = (f"--host={host}", f"--port={port}", f"--workers={workers}")
    processes.become("api.server:main", *words)
