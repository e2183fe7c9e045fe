"""What the tests share: a database of each kind, made by the migrations, and the API on top of it."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from gateway.clusters.configuration import clusters
from gateway.db import get_engine
from gateway.embedded import LOOPBACK, free_ports
from gateway.encryption import keys, new_key
from gateway.settings import get_settings
from gateway.work import outbox
from migrations import upgrade
from tests.postgres import binaries, create_database, drop_database, postgres
from tests.services import valkey

# The Celery application reads its broker when it is imported, so the port is chosen before that.
os.environ["GATEWAY_REDIS_URL"] = f"redis://{LOOPBACK}:{free_ports(1)[0]}/0"

CLUSTERS = """
[hpc]
scheduler = "local"
home = "{home}"
max_cpus = 4

[unserved]
scheduler = "slurm"
home = "/home/gateway"
"""


def absent(service: str) -> None:
    """Skip a test whose service is not on a laptop; in CI that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(f"{service} is needed in CI")
    pytest.skip(f"{service} is not installed here")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    if binaries() is None:
        absent("PostgreSQL")
    with postgres() as server:
        yield server.url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'gateway.db'}"
        return
    url = create_database(request.getfixturevalue("postgres_url"), f"test_{uuid4().hex}")
    yield url
    drop_database(url)


def its_database(request: pytest.FixtureRequest) -> dict[str, str]:
    """Return what a started stack is told of its database; of SQLite nothing, the file is its own."""
    if request.param == "sqlite":
        return {}
    server = request.getfixturevalue("postgres_url")
    return {"GATEWAY_DATABASE_URL": create_database(server, f"stack_{uuid4().hex}")}


@pytest.fixture
def settings(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Point this process at a database, a cluster and a key of its own; messages go nowhere."""
    monkeypatch.setattr(outbox, "publisher", lambda _messages: None)
    home = tmp_path / "home"
    home.mkdir()
    path = tmp_path / "infrastructures.toml"
    path.write_text(CLUSTERS.format(home=home), encoding="utf-8")
    monkeypatch.setenv("GATEWAY_DATABASE_URL", database_url)
    monkeypatch.setenv("GATEWAY_INFRASTRUCTURES", str(path))
    monkeypatch.setenv("GATEWAY_CREDENTIALS_KEY", new_key())
    monkeypatch.setenv("GATEWAY_DATABASE_WAIT_S", "1")
    _forget()
    yield
    get_engine().dispose()
    _forget()


def _forget() -> None:
    for cached in (get_settings, get_engine, clusters, keys):
        cached.cache_clear()


@pytest.fixture
def database(settings: None) -> Engine:
    engine = get_engine()
    upgrade(engine)
    return engine


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a real Valkey where the application expects it."""
    port = int(os.environ["GATEWAY_REDIS_URL"].rsplit(":", 1)[1].removesuffix("/0"))
    with valkey(tmp_path_factory.mktemp("valkey"), port) as service:
        yield service.url


@pytest.fixture
def sends(settings: None, broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commits of this process send their messages to the broker."""
    from gateway.queue import send  # noqa: PLC0415  after the environment is set

    monkeypatch.setattr(outbox, "publisher", send)


@pytest.fixture
def api(database: Engine, sends: None) -> Iterator[TestClient]:
    from api.app import create_app  # noqa: PLC0415  after the environment is set

    with TestClient(create_app(), raise_server_exceptions=False) as client:
        yield client
