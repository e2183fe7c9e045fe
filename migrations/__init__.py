"""The database's versions: `upgrade` brings a database to the newest, several starters at once are safe.

PostgreSQL lets one of them in by an advisory lock, SQLite by its one writer; the others find nothing to do.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, text

HERE = Path(__file__).parent
ADVISORY_LOCK = 4_813_550


def configuration() -> Config:
    """Return Alembic's configuration; the connection comes with each call."""
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.set_main_option("file_template", "%%(year)d-%%(month).2d-%%(day).2d_%%(slug)s")
    return config


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the database to a revision."""
    with _alone(engine) as connection:
        command.upgrade(_configured(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Take the database back to a revision."""
    with _alone(engine) as connection:
        command.downgrade(_configured(connection), revision)


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """Open the one transaction that may change the tables; whoever comes second waits for its end."""
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            # A migration may take its time, and so may the wait for another's; but a table that is in use is
            # given up after the usual time, because everybody else would queue behind us.
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SET LOCAL lock_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
            connection.execute(text("SET LOCAL lock_timeout TO DEFAULT"))
        yield connection


def _configured(connection: Connection) -> Config:
    config = configuration()
    config.attributes["connection"] = connection
    return config
