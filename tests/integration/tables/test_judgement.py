"""The life of a judgement in the database: requested, claimed, told once, and ended after lost judges."""

from uuid import UUID

import pytest
from sqlalchemy import Engine, update

from gateway.callers import LOCAL
from gateway.db import db_now, session_scope
from gateway.models import JudgedTable, Transfer
from gateway.operations import retention
from gateway.states import JudgementState
from gateway.tables import judgement as judgements
from gateway.transfers import groups
from gateway.transfers import lifecycle as transfers
from gateway.work import claims
from tests.rows import new_transfer

HEAD = {"format": "csv", "whole": False, "problem": None}
WHOLE = {"format": "csv", "whole": True, "problem": "row 9: blank"}


def staged(kind: str = "s3_data", owner: str = LOCAL.owner) -> UUID:
    row_id = new_transfer(kind, owner=owner)
    with session_scope() as session:
        claim = claims.take_transfer(session, row_id, "w")
        assert claim is not None
        transfers.complete(session, claim, 10)
    return row_id


def found(row_id: UUID) -> JudgedTable | None:
    with session_scope(read_only=True) as session:
        return judgements.judgement_of(session, row_id)


def claimed() -> JudgedTable:
    with session_scope() as session:
        row = judgements.claim_next(session, "hpc")
    assert row is not None
    return row


def test_the_end_of_a_transfer_requests_one_judgement(database: Engine) -> None:
    row_id = staged()
    row = found(row_id)
    assert row is not None
    assert (row.state, row.ended_at, row.infrastructure) == (JudgementState.JUDGING, None, "hpc")
    with session_scope() as session:
        again = judgements.request_one(session, session.get_one(Transfer, row_id))
    assert again is not None
    assert again.created_at == row.created_at


def test_a_group_requests_one_for_each_of_its_files(database: Engine) -> None:
    row_ids = [new_transfer() for _ in range(3)]
    with session_scope() as session:
        held = groups.claim_group(session, row_ids, "w")
        groups.complete_group(session, {claim: 1 for claim, _ in held})
    assert all(found(row_id) for row_id in row_ids)


def test_what_goes_to_the_store_is_no_table_and_what_has_not_come_has_none(database: Engine) -> None:
    assert found(staged("s3_result")) is None
    waiting = new_transfer()
    with session_scope() as session:
        assert judgements.request_one(session, session.get_one(Transfer, waiting)) is None


def test_files_below_a_prefix_are_judged_when_they_are_asked_about(database: Engine) -> None:
    parent, child = staged(), new_transfer()
    with session_scope() as session:
        session.get_one(Transfer, child).parent_id = parent
    with session_scope() as session:
        claim = claims.take_transfer(session, child, "w")
        assert claim is not None
        transfers.complete(session, claim, 10)
    assert found(child) is None
    with session_scope() as session:
        assert judgements.request_one(session, session.get_one(Transfer, child)) is not None


def test_the_head_is_known_first_and_the_whole_ends_the_judgement(
    database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[UUID] = []
    monkeypatch.setattr(judgements, "_listeners", [])
    judgements.on_judged(lambda _session, row: told.append(row.transfer_id))
    row_id, row = staged(), claimed()
    problems = []
    for document, ended in ((HEAD, False), (WHOLE, True)):
        with session_scope() as session:
            held = judgements.lock(session, row)
            assert held is not None
            judgements.record_known(session, held, document, b"preview")
        after = found(row_id)
        assert after is not None
        assert (after.state, after.ended_at is not None) == (JudgementState.KNOWN, ended)
        problems.append(after.problem)
    assert problems == ["", "row 9: blank"]
    assert told == [row_id]
    with session_scope() as session:
        assert judgements.lock(session, row) is None


def test_owners_take_turns_at_the_judge(database: Engine) -> None:
    many = [staged(owner="ada") for _ in range(3)]
    one, last = staged(owner="bob"), staged(owner="eve")
    order, owner = list[UUID](), ""
    with session_scope() as session:
        for _ in range(5):
            row = judgements.claim_next(session, "hpc", owner)
            assert row is not None
            order.append(row.transfer_id)
            owner = session.get_one(Transfer, row.transfer_id).owner
        assert judgements.claim_next(session, "hpc", owner) is None
    assert order == [many[0], one, last, *many[1:]]


def test_a_killed_judge_is_replaced_and_its_late_word_is_not_taken(database: Engine) -> None:
    row_id, first = staged(), claimed()
    with session_scope() as session:
        assert judgements.claim_next(session, "hpc") is None  # it is leased
        assert judgements.claim_next(session, "unserved") is None
    _expire(row_id)
    second = claimed()
    with session_scope() as session:
        assert judgements.lock(session, first) is None
        assert judgements.lock(session, second) is not None


def test_a_table_that_kills_its_judges_ends_unknown(database: Engine) -> None:
    row_id = staged()
    for _ in range(judgements.MOST_CLAIMS):
        claimed()
        _expire(row_id)
    with session_scope() as session:
        assert judgements.claim_next(session, "hpc") is None
    row = found(row_id)
    assert row is not None
    assert row.state is JudgementState.UNKNOWN
    assert "ended 3 times" in row.reason


def test_it_goes_with_its_transfer(database: Engine) -> None:
    row_id = staged()
    with session_scope() as session:
        retention.delete_row(session, session.get_one(Transfer, row_id))
    assert found(row_id) is None


def _expire(row_id: UUID) -> None:
    with session_scope() as session:
        mine = update(JudgedTable).where(JudgedTable.transfer_id == row_id)
        session.execute(mine.values(lease_until=db_now(-1)))
