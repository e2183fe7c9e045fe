"""One object store for all tests, a home of the cluster for each test, and an API with accounts."""

import io
import logging
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from uuid import uuid4

import boto3
import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from api import acceptance
from api.changes import changes
from gateway.accounts import jwks
from gateway.filesystems.shared import SharedFilesystem
from gateway.settings import get_settings
from gateway.storage.address import S3Address
from hpc_gateway_client.commands import main
from hpc_gateway_commands.demo.services import ObjectStore
from tests import services
from tests.door import Door
from tests.fault_proxy import Proxy, proxy
from tests.identity import AUDIENCE, ISSUER, Provider, provider, rsa_key
from tests.run_command import Command
from tests.servers import served
from tests.staging_rows import Bench
from tests.waiters import Ask

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """Run the embedded store, or take the one that listens on STAGING_STORE_PORT (docs/staging.md)."""
    if port := os.environ.get("STAGING_STORE_PORT"):
        yield ObjectStore(int(port), Path(), services.ACCESS_KEY, services.SECRET_KEY, ())
        return
    with services.object_store(tmp_path_factory.mktemp("store")) as started:
        yield started


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Door:
    """Count the requests for new work, and let a test hold them."""
    made = Door()
    monkeypatch.setattr(acceptance._acceptances, "_run", made)  # noqa: SLF001
    return made


@pytest.fixture(scope="session")
def s3(store: ObjectStore) -> Iterator["S3Client"]:
    connection = boto3.client(
        "s3",
        endpoint_url=store.url,
        region_name="us-east-1",  # where a bucket needs no location
        aws_access_key_id=services.ACCESS_KEY,
        aws_secret_access_key=services.SECRET_KEY,
    )
    connection.create_bucket(Bucket="data")
    yield connection
    connection.close()


@pytest.fixture
def address(store: ObjectStore, s3: "S3Client") -> S3Address:
    assert s3
    return S3Address(store.url, "local", "data", f"input/{uuid4().hex}.csv")


@pytest.fixture
def faulty(store: ObjectStore) -> Iterator[Proxy]:
    """Put a network that fails as planned in front of the store."""
    with proxy(store.port) as running:
        yield running


@pytest.fixture
def there(faulty: Proxy, address: S3Address) -> S3Address:
    return replace(address, endpoint=faulty.url)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def site(home: Path) -> SharedFilesystem:
    return SharedFilesystem([PurePosixPath(home)])


@pytest.fixture
def bench(
    database: Engine, store: ObjectStore, s3: "S3Client", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    monkeypatch.setenv("GATEWAY_ALLOWED_ENDPOINTS", "127.0.0.1")
    monkeypatch.setenv("GATEWAY_READ_TIMEOUT_S", "1")
    get_settings.cache_clear()
    with proxy(store.port) as running:
        yield Bench(tmp_path / "home", running, s3)


@pytest.fixture
def with_keys(api: TestClient, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.setenv("GATEWAY_AUTH", "keys")
    get_settings.cache_clear()
    return api


@pytest.fixture
def openid(api: TestClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """Let the API take the tokens of a provider whose first key is `first`."""
    with provider() as running:
        running.publish(first=rsa_key())
        for name, value in {
            "AUTH": "oidc",
            "OIDC_ISSUER": ISSUER,
            "OIDC_AUDIENCE": AUDIENCE,
            "OIDC_JWKS_URL": running.url,
        }.items():
            monkeypatch.setenv(f"GATEWAY_{name}", value)
        get_settings.cache_clear()
        jwks.key_set.cache_clear()
        yield running


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Collect all that is logged, at every level."""
    written, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(written), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def served_api(database: Engine, sends: None) -> Iterator[str]:
    """The URL of the API on a real socket; no request waits at the end."""
    from api.app import create_app  # noqa: PLC0415  after the environment is set

    with served(create_app()) as address:
        yield address
    assert changes.number == 0


@pytest.fixture
def clients() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as threads:
        yield threads


@pytest.fixture
def ask(served_api: str, clients: ThreadPoolExecutor) -> Ask:
    """Send a GET in a thread."""
    return lambda path, **how: clients.submit(httpx.get, f"{served_api}{path}", timeout=60, **how)


@pytest.fixture
def command_url(database: Engine, broker: str) -> Iterator[str]:
    """The URL of the API that commands of this process call."""
    from api.app import create_app  # noqa: PLC0415  after the environment is set

    with served(create_app()) as base:
        yield base


@pytest.fixture
def command(command_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `hpc-gateway` in this process."""
    monkeypatch.setenv("GATEWAY_URL", command_url)

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["hpc-gateway", *words])
        with pytest.raises(SystemExit) as end:
            main()
        return int(end.value.code or 0), *capsys.readouterr()

    return call
