"""Migrations of the schema: up, down, repeated and concurrent."""

from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, select, text

from gateway.credentials import stored as stored_credentials
from gateway.db import get_engine, session_scope, utc_now
from gateway.models import Base, Heartbeat, Infrastructure, Job, Lease, Telemetry
from gateway.states import JobState
from migrations import configuration, downgrade, upgrade
from tests.ended_rows import ended_job, submit_job
from tests.migrating import finish, start
from tests.rows import KEYS, job, new_job, new_transfer, transfer

REVISIONS = [script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions()]


def test_the_migrations_make_exactly_the_models(database: Engine) -> None:
    with database.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_going_back_leaves_nothing_and_forward_again_works(database: Engine) -> None:
    _fill()
    downgrade(database, "base")
    assert inspect(database).get_table_names() == ["alembic_version"]
    upgrade(database)
    assert "jobs" in inspect(database).get_table_names()


@pytest.mark.parametrize("revision", REVISIONS)
def test_back_to_each_version_and_forward_again_keeps_the_rows(database: Engine, revision: str) -> None:
    row_ids = _fill()
    before = _counts(database)
    downgrade(database, revision)
    kept = {name: count for name, count in _counts(database).items() if name in before}
    assert kept.items() <= before.items()
    upgrade(database)
    assert {name: _counts(database)[name] for name in kept} == kept
    row, work = transfer(row_ids[0]), job(row_ids[1])
    assert (row.object, row.state, row.owner) == ("o.csv", "accepted", "local")
    assert (work.services.split(), work.params["read_input_data"]) == (["fft"], "/x.csv")
    new_job("fft")  # and what is new fits


def test_jobs_of_the_version_before_are_found_by_their_services_and_keep_their_last_report(
    database: Engine,
) -> None:
    both, other = new_job("fft", "min_max"), new_job("knn")
    running = new_job("fft")
    submit_job(running)
    ended = ended_job(JobState.FAILED)
    downgrade(database, "growth")
    with database.begin() as connection:
        services = connection.scalars(text("SELECT services FROM jobs")).all()
        assert " fft min_max " in services
    upgrade(database)
    assert [job(each).service_bits for each in (both, other)] == [0b110, 0b10000000]
    with session_scope(read_only=True) as session:
        found = session.scalars(select(Job.id).where(Job.has_service("fft"))).all()
    assert set(found) == {both, running, ended}
    assert (job(ended).heard_until, job(running).heard_until) == (job(ended).ended_at, None)


def _fill() -> tuple[Any, Any]:
    """Write a row into every table that has nothing to do with a version later than this test."""
    with session_scope() as session:
        names = ("host", "hostname", "username", "scheduler", "ssh_key_type", "ssh_key_path")
        session.add(Infrastructure(name="far", **dict.fromkeys(names, "x")))
        session.add(Lease(name="x", holder="y", until=utc_now()))
        session.add(Telemetry(infrastructure="hpc", asked_at=utc_now(), as_of=None))
        session.add(Heartbeat(infrastructure="hpc", at=utc_now(), worker="w", scheduler="", filesystem=""))
        stored_credentials.store_credential(session, "local", "mine", "https://s3.example.org", KEYS)
    return new_transfer(), new_job("fft")


def _counts(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        tables = [name for name in inspect(connection).get_table_names() if name != "alembic_version"]
        return {name: connection.scalar(text(f"SELECT count(*) FROM {name}")) or 0 for name in tables}  # noqa: S608  the database's own names


@pytest.mark.usefixtures("settings")
def test_several_starters_at_once_do_no_harm() -> None:
    ended = finish([start() for _ in range(4)])
    assert [status for status, _ in ended] == [0] * 4, ended
    with get_engine().connect() as connection:
        assert connection.scalars(text("SELECT version_num FROM alembic_version")).all() == [REVISIONS[0]]
