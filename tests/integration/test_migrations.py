import threading

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect

from gateway.db import session_scope, utc_now
from gateway.models import Base, Lease
from migrations import downgrade, upgrade
from tests.rows import job, new_job, new_transfer, transfer


def test_the_migrations_make_exactly_the_models(database: Engine) -> None:
    with database.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_going_back_leaves_nothing_and_forward_again_works(database: Engine) -> None:
    with session_scope() as session:
        session.add(Lease(name="x", holder="y", until=utc_now()))
    downgrade(database, "base")
    assert inspect(database).get_table_names() == ["alembic_version"]
    upgrade(database)
    assert "jobs" in inspect(database).get_table_names()


def test_rows_of_a_time_without_accounts_belong_to_local(database: Engine) -> None:
    made = new_transfer(owner="ada"), new_job(owner="ada")
    downgrade(database, "staging")
    upgrade(database)
    assert (transfer(made[0]).owner, job(made[1]).owner) == ("local", "local")


def test_several_starters_at_once_do_no_harm(settings: None) -> None:
    from gateway.db import get_engine  # noqa: PLC0415  the fixture points it at the test's database

    engine, failures = get_engine(), list[Exception]()

    def start() -> None:
        try:
            upgrade(engine)
        except Exception as error:  # noqa: BLE001  whatever it is, the test shows it
            failures.append(error)

    starters = [threading.Thread(target=start) for _ in range(4)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    assert failures == []
