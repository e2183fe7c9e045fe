"""The cursor over events: the order of commits, the end, gaps that prune left, texts of clients."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, Engine, insert, make_url, select, update

from gateway.db import reading, session_scope
from gateway.errors import Invalid
from gateway.events.cursor import START, Cursor, changed_rows, end_cursor, parse_cursor
from gateway.events.feed import FeedScope, replay
from gateway.events.pruning import delete_events, renumber_restored
from gateway.models import Event, Job, PrunedEvents
from gateway.operations.retention import delete_row
from tests.rows import new_job

ALL = FeedScope()
EVENT = {
    "from_state": "",
    "to_state": "accepted",
    "attempt": 1,
    "claim": 0,
    "worker": "",
    "actor": "",
    "reason": "",
}


def _record(connection: Connection) -> UUID:
    work_id = uuid4()
    connection.execute(insert(Event).values(work_id=work_id, **EVENT))
    return work_id


def _record_alone(engine: Engine) -> UUID:
    with engine.begin() as connection:
        return _record(connection)


def test_a_reader_sees_each_event_once_and_in_order(database: Engine) -> None:
    made, seen, cursor = [_record_alone(database) for _ in range(5)], list[UUID](), START
    for size in (2, 2, 1, 0):
        with reading() as connection:
            found, following = changed_rows(connection, cursor, 2)
            assert (len(found), replay(connection, cursor, ALL).reset) == (size, False)
        seen += found
        cursor = following
    assert seen == made
    with reading() as connection:
        assert end_cursor(connection) == cursor


def test_a_lower_number_that_is_committed_later_is_not_lost(database: Engine) -> None:
    """The numbers of a sequence are given before the commits: 8 can be read while 7 is still open."""
    if database.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    with database.connect() as early, database.connect() as late:
        lower = _record(early)
        higher = _record(late)
        late.commit()
        with reading() as connection:
            visible = connection.scalars(select(Event.work_id)).all()
            held, cursor = changed_rows(connection, START, 10)
        early.commit()
    assert visible == [higher]
    assert held == []
    with reading() as connection:
        assert changed_rows(connection, cursor, 10)[0] == [lower, higher]
        assert not replay(connection, cursor, ALL).reset


def test_a_transaction_that_began_first_and_wrote_last_is_not_lost(database: Engine) -> None:
    """Here the lower transaction has the higher number, and ends first."""
    if database.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    with database.connect() as first, database.connect() as second:
        for connection in (first, second):
            connection.exec_driver_sql("SELECT pg_current_xact_id()")
        lower_number, higher_number = _record(second), _record(first)
        first.commit()
        with reading() as connection:
            one, cursor = changed_rows(connection, START, 10)
        second.commit()
    with reading() as connection:
        two, _ = changed_rows(connection, cursor, 10)
    assert one == [higher_number]
    assert two == [lower_number]


def test_a_rolled_back_event_leaves_no_gap_that_is_waited_for(database: Engine) -> None:
    with database.connect() as connection:
        _record(connection)
        connection.rollback()
    row_id = _record_alone(database)
    with reading() as connection:
        assert changed_rows(connection, START, 10)[0] == [row_id]


def test_the_empty_history_has_an_end(database: Engine) -> None:
    with reading() as connection:
        assert end_cursor(connection) == START
        assert replay(connection, START, ALL).reset is False


def test_a_cursor_before_pruned_events_is_reset_to_the_end(database: Engine) -> None:
    row_id = new_job("fft")
    with reading() as connection:
        at_job = end_cursor(connection)
    kept = _record_alone(database)
    with session_scope() as session:
        delete_row(session, session.get_one(Job, row_id))
    with reading() as connection:
        lost = replay(connection, START, ALL)
        assert (lost.events, lost.cursor, lost.reset) == ([], end_cursor(connection), True)
        assert changed_rows(connection, at_job, 10)[0] == [kept]
        assert replay(connection, at_job, ALL).reset is False


def test_ids_of_pruned_events_are_never_given_again(database: Engine) -> None:
    row_id = _record_alone(database)
    with reading() as connection:
        end = end_cursor(connection)
    with session_scope() as session:
        delete_events(session, row_id)
    with reading() as connection:
        assert end_cursor(connection) == end
        assert replay(connection, end, ALL).reset is False
    later = _record_alone(database)
    with reading() as connection:
        assert changed_rows(connection, end, 10)[0] == [later]


def test_the_mark_of_pruned_events_never_goes_back(database: Engine) -> None:
    early, late = _record_alone(database), _record_alone(database)
    with session_scope() as session:
        delete_events(session, late)
        mark = session.execute(select(PrunedEvents.event_id)).scalar_one()
        delete_events(session, early)
        delete_events(session, uuid4())
        assert session.execute(select(PrunedEvents.event_id)).scalar_one() == mark


def test_a_cursor_of_another_database_is_reset(database: Engine) -> None:
    _record_alone(database)
    with reading() as connection:
        batch = replay(connection, Cursor(2**62, 2**62), ALL)
        assert (batch.reset, batch.cursor) == (True, end_cursor(connection))


def test_events_of_a_restored_dump_come_before_those_of_the_new_server(database: Engine) -> None:
    """A dump keeps the transactions' numbers of the old server; those of the new one may be lower."""
    if database.dialect.name == "sqlite":
        pytest.skip("SQLite has no numbers of transactions")
    old = _record_alone(database)
    with database.begin() as connection:
        connection.execute(update(Event).values(xid=2**60))
        connection.execute(update(PrunedEvents).values(xid=2**60))
    with database.begin() as connection:
        renumber_restored(connection)
    new = _record_alone(database)
    with reading() as connection:
        assert changed_rows(connection, START, 10)[0] == [old, new]
        assert replay(connection, Cursor(2**60, 1), ALL).reset


def test_an_older_transaction_that_is_open_elsewhere_holds_the_readers_back(
    database: Engine, database_url: str, postgres_url: str
) -> None:
    if make_url(database_url).get_backend_name() == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    with database.connect() as other:
        other.exec_driver_sql("SELECT pg_current_xact_id()")
        row_id = _record_alone(database)
        with reading() as connection:
            assert changed_rows(connection, START, 10) == ([], START)
    with reading() as connection:
        assert changed_rows(connection, START, 10)[0] == [row_id]


def test_the_text_of_a_cursor_gives_the_cursor_again() -> None:
    assert parse_cursor(str(Cursor(7, 8))) == Cursor(7, 8)
    assert parse_cursor(f"{2**63 - 1}-0") == Cursor(2**63 - 1, 0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "7",
        "7-",
        "-8",
        "7-8-9",
        "a-b",
        "-7-8",
        "7 - 8",
        "7-8\n",
        "\u0667-\u0668",
        f"{2**63}-1",
        f"1-{2**63}",
        "1" * 5000,
    ],
)
def test_any_other_text_is_refused_in_words(text: str) -> None:
    with pytest.raises(Invalid, match="use the id of an event"):
        parse_cursor(text)
