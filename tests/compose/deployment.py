"""compose.yaml as podman-compose runs it, seen from outside: its ports, its containers, a store to fill."""

import json
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.polling import until

ROOT = Path(__file__).parents[2]
PODMAN = "/usr/bin/podman"
PODMAN_COMPOSE = ROOT / ".venv" / "bin" / "podman-compose"
SECRETS = ROOT / "deploy" / "compose" / "secrets"
PROJECT = "hpc-gateway"
API_PORT = os.environ.get("API_PORT", "8080")
FLOWER_PORT = os.environ.get("FLOWER_PORT", "5555")
STORE_PORT = os.environ.get("STORE_PORT", "8333")
CLUSTER = "excess"
BUCKET = "recordings"
END_S = 240.0
Status = dict[str, Any]

# A user's machine is a container that reaches the store and nothing else.
_STORE = """
import sys, boto3
verb, (bucket, _, key) = sys.argv[1], sys.argv[2].partition("/")
secret = sys.stdin.buffer.readline().decode().strip()
s3 = boto3.client("s3", endpoint_url="http://s3:8333", region_name="local",
                  aws_access_key_id="gateway", aws_secret_access_key=secret)
if verb == "bucket":
    s3.create_bucket(Bucket=bucket)
elif verb == "put":
    s3.put_object(Bucket=bucket, Key=key, Body=sys.stdin.buffer.read())
else:
    sys.stdout.buffer.write(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
"""


def podman(*argv: str, data: bytes = b"", check: bool = True) -> bytes:
    """Run podman and return what it printed."""
    ran = subprocess.run([PODMAN, *argv], input=data, capture_output=True, check=False, timeout=300)
    assert not check or ran.returncode == 0, ran.stderr.decode()
    return ran.stdout


def compose(*argv: str) -> None:
    """Run podman-compose on compose.yaml, with a podman that can wait for health."""
    shim = Path(__file__).parent / "podman"
    command = [str(PODMAN_COMPOSE), "--podman-path", str(shim), *argv]
    subprocess.run(command, cwd=ROOT, check=True, stdin=subprocess.DEVNULL, timeout=900)


def secret(name: str) -> str:
    """Read one of the secrets that deploy/compose/secrets.sh has made."""
    return (SECRETS / name).read_text().strip()


def store(verb: str, path: str, data: bytes = b"") -> bytes:
    """Make a bucket, put an object or get one, BUCKET/KEY, as a user of the store."""
    image = ("--entrypoint", "python", "hpc-gateway:latest")
    line = secret("s3_secret_key").encode() + b"\n"
    argv = ("run", "--rm", "-i", "--network", f"{PROJECT}_store", *image, "-c", _STORE, verb, path)
    return podman(*argv, data=line + data)


@dataclass(frozen=True)
class Container:
    """One of the containers, by the name of its service."""

    service: str

    @property
    def name(self) -> str:
        return f"{PROJECT}_{self.service}_1"

    def seen(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(podman("inspect", self.name))[0]
        return found

    def runs(self) -> bool:
        return bool(self.seen()["State"]["Running"])

    def healthy(self) -> bool:
        return subprocess.run(
            [PODMAN, "healthcheck", "run", self.name], check=False, capture_output=True, timeout=60
        ).returncode in {0, 125}  # 125: it has none

    def shell(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a line of shell in it."""
        argv = [PODMAN, "exec", self.name, "sh", "-c", line]
        return subprocess.run(argv, check=False, capture_output=True, text=True, timeout=60)

    def crash(self) -> None:
        """Kill it as the kernel would when memory is short; its restart policy brings it back."""
        before = self.seen()["State"]["Pid"]
        os.kill(before, signal.SIGKILL)
        until(f"{self.service} is another process", lambda: self.seen()["State"]["Pid"] not in {0, before})
        until(f"{self.service} is healthy again", lambda: self.runs() and self.healthy(), END_S)


@dataclass(frozen=True)
class Gateway:
    """The REST API, with a key of its own."""

    http: httpx.Client

    def post(self, url: str, body: dict[str, Any]) -> Status:
        answer = self.http.post(url, json=body)
        assert answer.is_success, answer.text
        status: Status = answer.json()
        return status

    def ended(self, url: str, accepted: Status) -> Status:
        """Wait for the end, through whatever is killed meanwhile."""

        def look() -> Status | None:
            try:
                answer = self.http.get(f"{url}/{accepted['id']}")
            except httpx.TransportError:
                return None  # the API is being started again
            status: Status = answer.json() if answer.is_success else {}
            running = {"accepted", "transferring", "retrying", "submitting", "pending", "running"}
            return status if status.get("state", "accepted") not in running else None

        return until(f"{url}/{accepted['id']} has ended", look, END_S)

    def stage_in(self, key: str, dst: str, bucket: str = BUCKET) -> Status:
        return self.post("/s3_data", {**_account(bucket), "object": key, "dst": dst})

    def stage_out(self, src: str, key: str) -> Status:
        return self.post("/s3_result", {**_account(BUCKET), "object": key, "src": src})

    def compute(self, read_input_data: str) -> Status:
        """Ask for a spectrum by four ranks on both nodes."""
        return self.post(
            "/job",
            {
                "services": ["fft"],
                "infrastructure": CLUSTER,
                "params": {"read_input_data": read_input_data, "num_mpi_procs": 4},
                "resources": {"nodes": 2},
                "watch_period": 1,
            },
        )


def _account(bucket: str) -> dict[str, str]:
    return {
        "endpoint": "http://s3:8333",
        "bucket": bucket,
        "access_key": "gateway",
        "secret_key": secret("s3_secret_key"),
        "infrastructure": CLUSTER,
    }
