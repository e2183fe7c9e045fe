"""A server that gets SIGTERM or SIGINT answers its waiting requests, ends its streams, and ends."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest
from sqlalchemy import Engine

from hpc_gateway_commands.demo.services import free_ports
from tests.polling import until
from tests.rows import new_job

COMMAND = str(Path(sys.executable).with_name("hpc-gateway"))
WAIT_S = 50
WAITING = 8
STREAM = {"Accept": "text/event-stream"}
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def _is_ready(url: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{url}/health/live").is_success
    return False


def _open_requests(pid: int) -> int:
    """Return the number of the server's connections: of its processes below this one, too."""
    process = psutil.Process(pid)
    each = [process, *process.children(recursive=True)]
    return len(
        {c.raddr for one in each for c in one.net_connections("tcp") if c.status == psutil.CONN_ESTABLISHED}
    )


@on_sqlite
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_waiting_requests_are_answered_when_the_server_stops(
    database: Engine, workers: int, number: signal.Signals
) -> None:
    [port] = free_ports(1)
    url, row_id = f"http://127.0.0.1:{port}", new_job("fft")
    words = [COMMAND, "serve", f"--port={port}", f"--workers={workers}"]
    with subprocess.Popen(words, env=dict(os.environ), stdin=subprocess.DEVNULL) as server:
        until("the API is there", lambda: _is_ready(url))
        with ThreadPoolExecutor(WAITING) as clients:
            asked = [
                clients.submit(httpx.get, f"{url}/job/{row_id}", params={"wait": WAIT_S}, timeout=60)
                for _ in range(WAITING)
            ]
            until("all wait", lambda: _open_requests(server.pid) >= WAITING)
            until("they are held", lambda: not any(each.done() for each in asked))
            server.send_signal(number)
            assert server.wait(WAIT_S / 2) is not None
            answers = [each.result() for each in asked]
    assert {(each.status_code, each.json()["state"]) for each in answers} == {(200, "accepted")}


@on_sqlite
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_streams_end_when_the_server_stops(database: Engine, number: signal.Signals) -> None:
    [port] = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen([COMMAND, "serve", f"--port={port}"], stdin=subprocess.DEVNULL) as server:
        until("the API is there", lambda: _is_ready(url))
        with httpx.stream("GET", f"{url}/events", headers=STREAM, timeout=WAIT_S) as answer:
            server.send_signal(number)
            assert set(answer.iter_lines()) == {":"}  # the answer is whole
        assert server.wait(WAIT_S / 2) is not None
