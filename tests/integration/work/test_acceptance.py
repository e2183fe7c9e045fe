"""Acceptance in batches: nothing is lost or doubled, and one request costs no other its row."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from gateway.db import session_scope
from gateway.models import Event, IdempotencyKey, Transfer
from gateway.settings import get_settings
from gateway.storage.address import Credentials
from gateway.transfers import lifecycle as transfers
from gateway.work.acceptance import Accepted, Draft, Result, Submission, accept
from gateway.work.idempotency import KeyedRequest, KeyUsed
from tests.rows import S3, sending

pytestmark = pytest.mark.usefixtures("database")


def submission(path: str = "x.csv", owner: str = "a", key: str = "", content: bytes = b"POST") -> Submission:
    request = transfers.S3Request("s3_data", "hpc", path=path, opening=Credentials("a", "s"), **S3)

    def draft(session: Session) -> Draft:
        return transfers.draft(session, owner, request)

    keyed = KeyedRequest(owner, key, content) if key else None
    return Submission(draft, lambda row: str(row.id), keyed)


def bodies(results: list[Result]) -> list[str]:
    return [each.answer.body if isinstance(each, Accepted) else type(each).__name__ for each in results]


def rows() -> set[str]:
    with session_scope(read_only=True) as session:
        ids = [str(each) for each in session.scalars(select(Transfer.id))]
        assert sorted(map(str, session.scalars(select(Event.work_id)))) == sorted(ids)
    return set(ids)


@pytest.fixture
def failing(database: Engine) -> Iterator[list[Exception]]:
    """Raise the errors of the list, one at each insert of transfers."""
    errors = list[Exception]()

    def fail(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO transfers") and errors:
            raise errors.pop(0)

    event.listen(database, "before_cursor_execute", fail)
    yield errors
    event.remove(database, "before_cursor_execute", fail)


def test_each_answer_has_its_row_and_each_row_its_first_event() -> None:
    answers = bodies(accept([submission(f"{n}.csv") for n in range(20)]))
    assert rows() == set(answers)


def test_a_refused_request_costs_the_others_nothing() -> None:
    first, refused, last = bodies(accept([submission(), submission("/etc/passwd"), submission()]))
    assert refused == "Invalid"
    assert rows() == {first, last}


def test_after_a_conflict_each_request_is_carried_out_alone(failing: list[Exception]) -> None:
    failing += [IntegrityError("INSERT", {}, RuntimeError("a conflict")) for _ in range(2)]
    refused, *others = bodies(accept([submission() for _ in range(4)]))
    assert refused == "IntegrityError"
    assert rows() == set(others)
    assert len(others) == 3


def test_a_database_that_comes_back_gets_all_that_waited(failing: list[Exception]) -> None:
    lost = OperationalError("INSERT", {}, RuntimeError("the connection is lost"), connection_invalidated=True)
    failing.append(lost)
    answers = bodies(accept([submission() for _ in range(5)]))
    assert rows() == set(answers)
    assert len(answers) == 5


def test_a_commit_that_fails_is_not_repeated(database: Engine) -> None:
    """The rows may be there: another try could double them."""
    tries = []

    def fail(_connection: object) -> None:
        tries.append(1)
        raise OperationalError("COMMIT", {}, RuntimeError("lost"), connection_invalidated=True)

    event.listen(database, "commit", fail)
    try:
        assert bodies(accept([submission(), submission()])) == ["OperationalError"] * 2
    finally:
        event.remove(database, "commit", fail)
    assert tries == [1]
    assert rows() == set()


def test_a_quota_counts_the_rows_of_its_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_CONCURRENT_TRANSFERS", "2")
    get_settings.cache_clear()
    results = bodies(accept([submission(owner=owner) for owner in ("a", "b", "a", "a", "b", "b")]))
    assert [each == "TooMany" for each in results] == [False, False, False, True, False, True]
    assert rows() == set(results) - {"TooMany"}


def test_a_key_that_comes_twice_in_a_batch_is_carried_out_once() -> None:
    submissions = [submission(key="k"), submission(), submission(key="k"), submission(key="k", content=b"x")]
    first, plain, again, other = accept(submissions)
    assert isinstance(first, Accepted)
    assert isinstance(again, Accepted)
    assert (again.answer, again.is_repetition, first.is_repetition) == (first.answer, True, False)
    assert isinstance(other, KeyUsed)
    assert rows() == set(bodies([first, plain]))


def test_many_repetitions_in_a_batch_take_one_transaction(database: Engine) -> None:
    """Each in one of its own would let a single client hold up the requests of all others."""
    begun = []

    def count(connection: object) -> None:
        begun.append(connection)

    event.listen(database, "begin", count)
    try:
        first, *others = accept([submission(key="k") for _ in range(50)])
        refused = bodies(accept([submission("/etc/passwd", key="l") for _ in range(50)]))
    finally:
        event.remove(database, "begin", count)
    assert isinstance(first, Accepted)
    assert others == [Accepted(first.answer, is_repetition=True)] * 49
    assert refused == ["Invalid"] * 50
    assert rows() == set(bodies([first]))
    assert len(begun) <= 4


def test_a_request_that_was_refused_leaves_its_key_free() -> None:
    assert bodies(accept([submission("/etc/passwd", key="k")])) == ["Invalid"]
    with session_scope(read_only=True) as session:
        assert session.scalar(select(func.count()).select_from(IdempotencyKey)) == 0
    [answer] = bodies(accept([submission(key="k")]))
    assert rows() == {answer}


def test_a_batch_publishes_what_the_turns_of_its_owners_allow() -> None:
    with sending() as sent:
        accept([submission(owner=owner) for owner in ("a", "b", "a", "b")])
    assert len(sent) == 2
    assert all(each.first for each in sent)
