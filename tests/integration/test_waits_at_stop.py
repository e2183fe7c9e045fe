"""A server that gets SIGTERM or SIGINT answers its waiting requests, ends its streams, and ends."""

import os
import select
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest
from sqlalchemy import Engine

from gateway.db import session_scope
from gateway.models import Job
from gateway.work.transitions import note
from hpc_gateway_commands.demo.services import free_ports
from tests.event_streams import STREAM, stream, take
from tests.polling import until
from tests.rows import new_job

COMMAND = str(Path(sys.executable).with_name("hpc-gateway"))
WAIT_S = 50
WAITING = 8
MANY = 6000  # events, more than sockets hold
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


def _fills(client: socket.socket) -> bool:
    """Return whether nothing has come for a while, although there is more."""
    held = [len(client.recv(1 << 20, socket.MSG_PEEK))]
    return (
        held[0] > 0
        and not select.select([], [], [], 1.0)[0]
        and len(client.recv(1 << 20, socket.MSG_PEEK)) == held[0]
    )


@pytest.mark.long
@on_sqlite
def test_a_client_that_does_not_read_delays_no_end(database: Engine) -> None:
    [port] = free_ports(1)
    row_id = new_job("fft")
    with session_scope() as session:
        for _ in range(MANY):
            note(session, session.get_one(Job, row_id), "x" * 1900, "")
    with subprocess.Popen([COMMAND, "serve", f"--port={port}"], stdin=subprocess.DEVNULL) as server:
        until("the API is there", lambda: _is_ready(f"http://127.0.0.1:{port}"))
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            client.connect(("127.0.0.1", port))
            head = "Host: 127.0.0.1\r\nAccept: text/event-stream\r\nLast-Event-ID: 0-0\r\n"
            client.sendall(f"GET /events HTTP/1.1\r\n{head}\r\n".encode())
            until("it is served", lambda: client.recv(10, socket.MSG_PEEK))
            until("no more fits", lambda: _fills(client))
            server.send_signal(signal.SIGTERM)
            assert server.wait(WAIT_S) is not None


@on_sqlite
def test_each_event_comes_once_although_the_api_is_killed_in_between(database: Engine) -> None:
    [port] = free_ports(1)
    made, seen, last = list[str](), list[str](), "0-0"
    for _ in range(3):
        made += [str(new_job("fft")) for _ in range(3)]
        words = [COMMAND, "serve", f"--port={port}"]
        with subprocess.Popen(words, stdin=subprocess.DEVNULL) as server:
            until("the API is there", lambda: _is_ready(f"http://127.0.0.1:{port}"))
            with stream(f"http://127.0.0.1:{port}", **{"Last-Event-ID": last}) as events:
                made += [str(new_job("fft")) for _ in range(2)]
                for event in take(events, len(made) - len(seen)):
                    seen.append(event.json()["id"])
                    last = event.id
            server.kill()
    assert seen == made
