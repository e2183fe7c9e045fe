"""The database: one engine per process, short sessions, and the database's own clock."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

from sqlalchemy import (
    URL,
    Connection,
    DateTime,
    Dialect,
    Engine,
    create_engine,
    event,
    literal,
    make_url,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement
from sqlalchemy.types import TypeDecorator

from gateway import commits
from gateway.settings import Settings, get_settings

BUSY_TIMEOUT_S = 30
IDLE_IN_TRANSACTION_S = 60
# A connection whose peer has vanished is closed after these times, not after the kernel's hours.
_KEEPALIVES = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}


class UTCDateTime(TypeDecorator[datetime]):
    """An aware time, stored in UTC on every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert an aware time to UTC; SQLite stores it without a zone."""
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert a stored time to an aware one."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class db_now(FunctionElement[datetime]):  # noqa: N801  it reads as the SQL function that it is
    """The database's clock, `plus_s` seconds ahead; only this clock decides about leases."""

    type = UTCDateTime()
    inherit_cache = True
    name = "db_now"

    def __init__(self, plus_s: float = 0.0) -> None:
        super().__init__(literal(float(plus_s)))


@compiles(db_now, "sqlite")
def _sqlite_now(element: db_now, compiler: SQLCompiler, **kw: Any) -> str:
    # The same text as SQLAlchemy's own DateTime, so that comparisons of text are comparisons of time.
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', {compiler.process(element.clauses, **kw)} || ' seconds')"


@compiles(db_now, "postgresql")
def _postgresql_now(element: db_now, compiler: SQLCompiler, **kw: Any) -> str:
    return f"(clock_timestamp() + make_interval(secs => {compiler.process(element.clauses, **kw)}))"


def due_in(seconds: float) -> datetime:
    """Return the moment `seconds` from now by the database's clock, as a value for a column."""
    return cast("datetime", db_now(seconds))


def utc_now() -> datetime:
    """Return the time of this process, for times that people read; never for leases."""
    return datetime.now(UTC)


def make_engine(url: str) -> Engine:
    """Create an engine with time-outs and SQLite settings; its commits make the calls of `commits`."""
    engine = _create_engine(url)
    commits.follow_transactions(engine)
    return engine


def _create_engine(url: str) -> Engine:
    if make_url(url).get_backend_name() == "sqlite":
        engine = create_engine(url, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_S})
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    settings = get_settings()
    return create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        pool_size=settings.database_connections,
        max_overflow=0,
        pool_timeout=settings.database_wait_s,
        connect_args={"connect_timeout": 3, "options": _options(settings), **_KEEPALIVES},
    )


def _options(settings: Settings) -> str:
    """Return the options of each PostgreSQL connection: limits for statements, locks and idle time."""
    milliseconds = {
        "statement_timeout": settings.database_statement_s,
        "lock_timeout": settings.database_lock_s,
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_S,
    }
    limits = [f"-c {name}={round(seconds * 1000)}" for name, seconds in milliseconds.items()]
    return " ".join([*limits, "-c timezone=UTC"])


def _set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # _begin_sqlite sends BEGIN instead of the driver
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")  # a committed row survives a power cut
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the write lock first, because the upgrade of a read lock fails while another writes.
    mode = "DEFERRED" if connection.get_execution_options().get("read_only") else "IMMEDIATE"
    connection.exec_driver_sql(f"BEGIN {mode}")


@lru_cache
def get_engine() -> Engine:
    """Return the process's engine; a forked process calls `get_engine.cache_clear()` first."""
    return make_engine(get_settings().database_url.get_secret_value())


def lock_names(session: Session, names: Iterable[str]) -> None:
    """Lock the names until the commit, for counts that must hold until then; SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        for name in sorted(names):
            session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})


@contextmanager
def session_scope(*, read_only: bool = False) -> Iterator[Session]:
    """Open a transaction; the end of the block commits it, an exception rolls it back.

    The calls that it asked for come after the commit, when its connection is back in the pool.
    """
    committed: commits.Calls = []
    engine = get_engine().execution_options(read_only=read_only, committed=committed)
    try:
        with Session(engine, expire_on_commit=False) as session, session.begin():
            yield session
    finally:
        commits.run_calls(committed)


@contextmanager
def reading() -> Iterator[Connection]:
    """Open a transaction that reads, without a session: for statements that need no objects."""
    with get_engine().connect() as connection:
        connection.execution_options(read_only=True)
        with connection.begin():
            yield connection


def sqlite_file(url: URL) -> Path | None:
    """Return the file of a SQLite database; None for one in memory, and for another kind of database."""
    name = url.database or ""
    if url.get_backend_name() != "sqlite" or name in {"", ":memory:"}:
        return None
    return Path(unquote(name.removeprefix("file:")) if name.startswith("file:") else name).absolute()
