"""Forwarded headers: the API trusts the client address from a proxy that the operator names, and no other."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from gateway.encryption import new_key
from hpc_gateway_commands.demo.services import free_ports
from tests.polling import until

BEHIND = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https"}
BODY = {
    "endpoint": "https://s3.example.org",
    "bucket": "b",
    "object": "o.csv",
    "access_key": "a",
    "secret_key": "s",
    "dst": "o.csv",
    "infrastructure": "here",
}


@contextmanager
def _served(folder: Path, trusted: str) -> Iterator[httpx.Client]:
    """Start the API as an operator does; it works without a queue."""
    (folder / "clusters.toml").write_text(f'[here]\nscheduler = "local"\nhome = "{folder}"\n')
    queue, port = free_ports(2)
    ours = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    env = ours | {
        "GATEWAY_DATABASE_URL": f"sqlite:///{folder}/gateway.db",
        "GATEWAY_REDIS_URL": f"redis://127.0.0.1:{queue}/0",
        "GATEWAY_INFRASTRUCTURES": f"{folder}/clusters.toml",
        "GATEWAY_CREDENTIALS_KEY": new_key(),
        "GATEWAY_TRUSTED_PROXIES": trusted,
    }
    command = [sys.executable, "-m", "hpc_gateway_client"]
    subprocess.run([*command, "migrate"], env=env, check=True, capture_output=True, timeout=60)
    serving = subprocess.Popen([*command, "serve", "--port", str(port)], env=env, stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
            until("the API answers", lambda: _answers(http))
            yield http
    finally:
        serving.terminate()
        serving.wait(30)


def _answers(http: httpx.Client) -> bool:
    with suppress(httpx.TransportError):
        return http.get("/health/live").is_success
    return False


@pytest.mark.parametrize(("trusted", "seen"), [("127.0.0.0/8", "192.0.2.7"), ("", "127.0.0.1")])
def test_the_history_names_the_client(tmp_path: Path, trusted: str, seen: str) -> None:
    with _served(tmp_path, trusted) as http:
        row = http.post("/s3_data", json=BODY, headers=BEHIND).raise_for_status().json()
        http.post(f"/s3_data/{row['id']}/cancel", headers=BEHIND).raise_for_status()
        assert f"client at {seen}" in http.get(f"/s3_data/{row['id']}/events").text
