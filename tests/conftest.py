"""What the tests share: a database of each kind, made by the migrations, and the API on top of it."""

import gc
import io
import logging
import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, inspect

from gateway.clusters.configuration import clusters
from gateway.db import get_engine, make_engine
from gateway.encryption import keys, new_key
from gateway.logs import JsonLines
from gateway.settings import get_settings
from gateway.work import outbox
from hpc_gateway_commands.demo.services import LOOPBACK, free_ports
from migrations import upgrade
from tests.postgres import binaries, create_database, drop_database, postgres
from tests.services import valkey
from tests.shares import Shares, keep_to_own_ports

keep_to_own_ports()
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


_DATABASE_HERE = Path("gateway.db").absolute()  # the default of the settings, in the folder of the run
_WAS_THERE = _DATABASE_HERE.exists()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect no garbage while tests are loaded, and exempt them afterwards: each collection took 0.4 s."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_sessionfinish() -> None:
    """Fail a run that leaves a database in its folder: one of its tests has opened the default one."""
    if _DATABASE_HERE.exists() and not _WAS_THERE:
        pytest.exit(f"a test has left {_DATABASE_HERE}: it needs the fixture `settings`", returncode=1)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Shares:
    return Shares(config, log)


def absent(service: str) -> None:
    """Skip a test whose service is not on a laptop; in CI that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(f"{service} is needed in CI")
    pytest.skip(f"{service} is not installed here")


@pytest.fixture
def json_log() -> Iterator[io.StringIO]:
    """Collect the log from INFO on, in the lines that the processes write."""
    written, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(written), root.level
    handler.setFormatter(JsonLines())
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    if binaries() is None:
        absent("PostgreSQL")
    with postgres() as server:
        yield server.url


@pytest.fixture(scope="session")
def newest_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the file that each test gets a copy of: a copy takes a millisecond, the migrations 200."""
    path = tmp_path_factory.mktemp("newest") / "gateway.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def newest_postgresql(postgres_url: str) -> str:
    """Make the database that each test gets a copy of, and return its name."""
    _migrate(create_database(postgres_url, "newest"))
    return "newest"


def _migrate(url: str) -> None:
    engine = make_engine(url)
    upgrade(engine)
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Make a database: of the newest version where the test has tables, else empty."""
    newest = "database" in request.fixturenames
    if request.param == "sqlite":
        path = tmp_path / "gateway.db"
        if newest:
            shutil.copyfile(request.getfixturevalue("newest_sqlite"), path)
        yield f"sqlite:///{path}"
        return
    template = request.getfixturevalue("newest_postgresql") if newest else "template1"
    url = create_database(request.getfixturevalue("postgres_url"), f"test_{uuid4().hex}", template)
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
    monkeypatch.setenv("GATEWAY_ALLOWED_HOSTS", "testserver gateway")  # names in requests of tests
    _forget()
    yield
    get_engine().dispose()
    _forget()


def _forget() -> None:
    for cached in (get_settings, get_engine, clusters, keys):
        cached.cache_clear()


@pytest.fixture
def database(settings: None) -> Engine:
    """Connect to the database, and migrate it where a file of tests makes its own, empty one."""
    engine = get_engine()
    if not inspect(engine).has_table("alembic_version"):
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
    from tests.application import make_app  # noqa: PLC0415  after the environment is set

    with TestClient(make_app(), raise_server_exceptions=False) as client:
        yield client
