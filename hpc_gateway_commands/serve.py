"""`hpc-gateway serve`: the REST API."""

from typing import Annotated

import typer
import uvicorn

from gateway.encryption import check_key
from gateway.logs import configure_logging
from gateway.operations.exposure import check_exposure, warn_of_open_ports, warn_of_shared_roots
from gateway.settings import get_settings
from hpc_gateway_commands.ports import API_PORT


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = API_PORT,
    workers: Annotated[int, typer.Option(help="Number of processes.")] = 1,
) -> None:
    """Serve the REST API."""
    configure_logging()
    check_key()
    check_exposure(host)
    warn_of_shared_roots()
    warn_of_open_ports()
    uvicorn.run(
        "api.app:create_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        access_log=False,
        log_config=None,
        forwarded_allow_ips=get_settings().trusted_proxies,
    )
