"""Clients in many rhythms, directly and through nginx and HAProxy: no request is lost with its connection."""

import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Engine

from hpc_gateway_commands.demo.services import free_ports
from tests.polling import until
from tests.rhythms import polls
from tests.rhythms.proxies import haproxy, nginx
from tests.rows import new_job

COMMAND = str(Path(sys.executable).with_name("hpc-gateway"))
PERIODS = ("1", "2", "5", "10", "30")
SECONDS = 60 * int(os.environ.get("GATEWAY_TEST_RHYTHM_MINUTES", "2"))
LIBRARIES = {
    "aiohttp 3.8": ("aiohttp", "aiohttp==3.8.*"),
    "aiohttp 3.9": ("aiohttp", "aiohttp==3.9.*"),
    "requests": ("requests", "requests"),
    "httpx": ("httpx", "httpx"),
}
pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(SECONDS + 600),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


@pytest.fixture
def row_id(database: Engine) -> UUID:
    return new_job("fft")


@pytest.fixture
def urls(row_id: UUID, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The API's own address, and those of the proxies in front of it."""
    api, front, other = free_ports(3)
    words = [COMMAND, "serve", f"--port={api}"]
    with ExitStack() as parts:
        server = parts.enter_context(subprocess.Popen(words, env=dict(os.environ), stdin=subprocess.DEVNULL))
        parts.callback(server.terminate)
        parts.enter_context(nginx(tmp_path, front, api))
        parts.enter_context(haproxy(tmp_path, other, api))
        found = {
            name: f"http://127.0.0.1:{port}"
            for name, port in {"directly": api, "nginx": front, "HAProxy": other}.items()
        }
        for name, url in found.items():
            until(name, partial(_answers, f"{url}/job/{row_id}"))
        yield found


def _answers(url: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(url).status_code == 200
    return False


def _interpreter(folder: Path, requirement: str) -> str:
    """Return the interpreter of a new environment with the library."""
    venv.create(folder, with_pip=True)
    python = str(folder / "bin/python")
    subprocess.run([python, "-m", "pip", "install", "-q", requirement], check=True, timeout=300)
    return python


def test_no_request_is_lost_in_any_rhythm(urls: dict[str, str], row_id: UUID, tmp_path: Path) -> None:
    pythons = {
        name: (library, _interpreter(tmp_path / name.replace(" ", "-"), requirement))
        for name, (library, requirement) in LIBRARIES.items()
    }
    running: dict[str, subprocess.Popen[str]] = {}
    for way, url in urls.items():
        for name, (library, python) in pythons.items():
            words = [python, str(polls.__file__), library, url, str(row_id), str(SECONDS), *PERIODS]
            running[f"{name}, {way}"] = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        for period in PERIODS:
            words = _curl(f"{url}/job/{row_id}", int(period))
            running[f"curl every {period} s, {way}"] = subprocess.Popen(
                words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
    errors, requests = {}, 0
    for name, process in running.items():
        printed = process.communicate()[0]
        made, errors[name] = _read_curl(printed) if name.startswith("curl") else _read(printed)
        assert made >= SECONDS // 30, name
        requests += made
    assert {name: each for name, each in errors.items() if each} == {}
    sys.stderr.write(f"{requests:,} requests, no error\n")


def _curl(url: str, period_s: int) -> list[str]:
    """Return a command of curl's that asks again and again on one connection."""
    times = f"?n=[1-{max(1, SECONDS // period_s)}]"
    quiet = ["-sS", "-o", os.devnull, "-w", "%{http_code}\\n"]
    return ["curl", *quiet, "--rate", f"{3600 // period_s}/h", url + times]


def _read(printed: str) -> tuple[int, list[str]]:
    found = json.loads(printed)
    return found["requests"], found["errors"]


def _read_curl(printed: str) -> tuple[int, list[str]]:
    lines = printed.split("\n")[:-1]
    return len(lines), [line for line in lines if line != "200"]
