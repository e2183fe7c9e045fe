"""A started Flower: every page and `/metrics` ask for the password, `/healthcheck` does not."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
from sqlalchemy import Engine

from hpc_gateway_commands.demo.services import free_ports
from tests.polling import until

PASSWORD = ("ada", "a password")


@pytest.fixture(params=["", "/monitor"], ids=["at the root", "below a path"])
def flower(request: pytest.FixtureRequest, database: Engine, broker: str) -> Iterator[str]:
    port = int(free_ports(1)[0])
    command = [sys.executable, "-m", "hpc_gateway_client", "flower", "--port", str(port)]
    own = {"GATEWAY_FLOWER_BASIC_AUTH": ":".join(PASSWORD), "GATEWAY_FLOWER_ROOT_PATH": request.param}
    environment = {**os.environ, **own}
    started = subprocess.Popen(command, env=environment, start_new_session=True)
    url = f"http://127.0.0.1:{port}{request.param}"
    try:
        until("it answers", lambda: _status(f"{url}/healthcheck") == httpx.codes.OK)
        yield url
    finally:
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()


def _status(url: str, password: tuple[str, str] | None = None) -> int:
    try:
        return httpx.get(url, auth=password).status_code
    except httpx.TransportError:
        return 0


def test_pages_and_metrics_need_the_password(flower: str) -> None:
    for path in ("/metrics", "/workers", "/tasks", "/api/tasks"):
        assert _status(f"{flower}{path}") == httpx.codes.UNAUTHORIZED
        assert _status(f"{flower}{path}", ("ada", "wrong")) == httpx.codes.UNAUTHORIZED
        assert _status(f"{flower}{path}", PASSWORD) == httpx.codes.OK
    assert _status(f"{flower}/healthcheck") == httpx.codes.OK
    page = httpx.get(f"{flower}/workers", auth=PASSWORD).text
    files = [link for link in re.findall(r'(?:src|href)="([^"]*)"', page) if "static" in link]
    assert files
    assert all(link.startswith(f"{httpx.URL(flower).path.rstrip('/')}/static/") for link in files), files
    assert "python_info" in httpx.get(f"{flower}/metrics", auth=PASSWORD).text
