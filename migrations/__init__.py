"""Migrations of the database schema: `upgrade` is safe when several processes call it at once.

An advisory lock of PostgreSQL, or SQLite's single writer, admits one of them; the others then find the new
schema.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, text

from gateway.events.pruning import renumber_restored

HERE = Path(__file__).parent
ADVISORY_LOCK = 4_813_550


def configuration() -> Config:
    """Return Alembic's configuration without a connection."""
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.set_main_option("file_template", "%%(year)d-%%(month).2d-%%(day).2d_%%(slug)s")
    return config


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Upgrade the database to a revision."""
    with _alone(engine) as connection:
        command.upgrade(_configured(connection), revision)
        if revision == "head":
            renumber_restored(connection)


def downgrade(engine: Engine, revision: str) -> None:
    """Downgrade the database to a revision."""
    with _alone(engine) as connection:
        command.downgrade(_configured(connection), revision)


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """Open the only transaction that may change the tables; a second one waits for its end."""
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            # A migration may take long, and so may the wait for another one. But a lock on a table in use is
            # given up after the usual time, because all other statements would queue behind it.
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SET LOCAL lock_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
            connection.execute(text("SET LOCAL lock_timeout TO DEFAULT"))
        yield connection


def _configured(connection: Connection) -> Config:
    config = configuration()
    config.attributes["connection"] = connection
    return config
