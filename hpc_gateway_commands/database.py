"""The database of an operator's command: present, of this version, and with errors of one line."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from gateway.db import get_engine, sqlite_file
from gateway.errors import GatewayError
from gateway.settings import get_settings
from migrations import configuration

SETTING = "GATEWAY_DATABASE_URL"
URLS = "sqlite:///gateway.db or postgresql+psycopg://user@host/gateway"


class DatabaseNotReady(GatewayError):
    """The database cannot be used: it is absent, of another version, or refuses."""


@contextmanager
def ready_database() -> Iterator[None]:
    """Check that the database is there in the newest version, and explain the errors of the block."""
    with explained_errors() as engine:
        path = sqlite_file(engine.url)
        if path is not None and not path.exists():
            raise DatabaseNotReady(f"there is no database {_name()}: `hpc-gateway migrate` creates it")
        _check_version(_versions(engine), ScriptDirectory.from_config(configuration()))
        yield


@contextmanager
def explained_errors() -> Iterator[Engine]:
    """Give the engine; an error of the database, in the block too, becomes one sentence."""
    try:
        yield get_engine()
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise DatabaseNotReady(f"{SETTING} is not like {URLS}") from error
    except DBAPIError as error:
        found = next(iter(str(error.orig).splitlines()), "no answer")
        raise DatabaseNotReady(
            f"the database {_name()} does not work: {found}; check {SETTING}, the server and its permissions"
        ) from error


def check_revision(revision: str) -> None:
    """Raise for a version that this program does not have, before anything is created for it."""
    try:
        ScriptDirectory.from_config(configuration()).get_revisions(revision)
    except CommandError as error:
        raise DatabaseNotReady(
            f"there is no version {revision!r} of the database: `head` is the newest"
        ) from error


def refuse_newer(engine: Engine) -> None:
    """Raise for a database that a newer gateway has migrated; one that does not exist yet may be made."""
    path = sqlite_file(engine.url)
    if path is None or path.exists():
        _check_known(_versions(engine), ScriptDirectory.from_config(configuration()))


def _check_version(found: tuple[str, ...], scripts: ScriptDirectory) -> None:
    if not found:
        raise DatabaseNotReady(f"the database {_name()} has no tables: `hpc-gateway migrate` makes them")
    _check_known(found, scripts)
    newest = tuple(scripts.get_heads())
    if found != newest:
        raise DatabaseNotReady(
            f"the database {_name()} is of version {', '.join(found)}, this program needs"
            f" {', '.join(newest)}: `hpc-gateway migrate` brings it there"
        )


def _check_known(found: tuple[str, ...], scripts: ScriptDirectory) -> None:
    unknown = set(found) - {script.revision for script in scripts.walk_revisions()}
    if unknown:
        raise DatabaseNotReady(
            f"the database {_name()} is of version {', '.join(sorted(unknown))}, which this program does"
            " not know: a newer gateway has migrated it; use that gateway's `hpc-gateway`"
        )


def _versions(engine: Engine) -> tuple[str, ...]:
    with engine.connect().execution_options(read_only=True) as connection:
        return MigrationContext.configure(connection).get_current_heads()


def _name() -> str:
    """Return the place of the database, without accounts and passwords."""
    url = make_url(get_settings().database_url.get_secret_value())
    return str(sqlite_file(url) or f"{url.database} on {url.host or 'this machine'}")
