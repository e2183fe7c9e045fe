"""The server of the API: uvicorn, in one process or in several of a common socket."""

import gc
from argparse import ArgumentParser
from dataclasses import dataclass
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from gateway import processes
from gateway.encryption import check_key
from gateway.logs import configure_logging
from gateway.operations.exposure import check_exposure, warn_of_open_ports, warn_of_shared_roots
from gateway.settings import get_settings

LONGEST_END_S = 10  # for requests that were begun; a client that does not read would hold the end back


@dataclass(frozen=True)
class _Application:
    """A factory of the application for a process that uvicorn starts, with the settings of its parent."""

    packed: bytes

    def __call__(self) -> FastAPI:
        """Adopt settings and variables, then make the application."""
        processes.adopt(self.packed)
        return make_application()


def make_application() -> FastAPI:
    """Make the application of a process, and exempt all that is there by now from garbage collections.

    A full collection of these some hundred thousand objects stops every request for 0.1 s and more.
    """
    with processes.no_collections():
        from api.app import create_app  # noqa: PLC0415  its modules read the settings

        app = create_app()
    gc.collect()
    gc.freeze()
    return app


def main() -> None:
    """Serve by the options of the command line."""
    parser = ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, required=True)
    words = parser.parse_args()
    configure_logging()
    check_key()
    check_exposure(words.host)
    warn_of_shared_roots()
    warn_of_open_ports()
    run(words.host, words.port, words.workers)


def run(host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM."""
    options: dict[str, Any] = {
        "factory": True,
        "host": host,
        "port": port,
        "access_log": False,
        "log_config": None,
        "proxy_headers": False,  # api/public_address.py judges them
        "timeout_keep_alive": get_settings().keep_alive_s,
        "timeout_graceful_shutdown": LONGEST_END_S,
    }
    if workers == 1:
        uvicorn.run(make_application, **options)
        return
    config = uvicorn.Config(_Application(processes.pack()), workers=workers, **options)
    processes.withdraw()  # `_Application` brings them to the processes that uvicorn starts
    Multiprocess(config, sockets=[config.bind_socket()]).run()
