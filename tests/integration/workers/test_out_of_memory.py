"""Rows whose work finds no memory: one more try alone, then a failure in words; their neighbours go on."""

from uuid import UUID

import pytest
from sqlalchemy import update

from gateway.db import db_now, session_scope
from gateway.errors import Fault
from gateway.models import Transfer
from gateway.states import TransferState
from gateway.transfers.staging.attempt import Progress
from gateway.work import claims
from gateway.work.claims import Claim
from gateway.work.failures import fail
from gateway.work.lack_of_memory import OutOfMemory, note_kill
from gateway.work.overdue import take_overdue
from tests.rows import new_transfer, transfer
from workers import claim_context
from workers.claim_context import claim_row, recording_failure
from workers.group_transfer import transfer_group
from workers.removal import TRIES
from workers.row_errors import SomeFailed
from workers.tasks import transfers

pytestmark = pytest.mark.usefixtures("database")


def run_without_memory(row_id: UUID) -> None:
    claim = claim_row(claims.take_transfer, str(row_id), "w1")
    assert claim is not None
    with pytest.raises(OutOfMemory), recording_failure(Transfer, claim):
        raise MemoryError


def make_due() -> None:
    with session_scope() as session:
        due = update(Transfer).where(Transfer.state == TransferState.RETRYING)
        session.execute(due.values(retry_at=None, next_send_at=Transfer.created_at))


def test_a_row_is_tried_once_more_and_then_fails() -> None:
    row_id = new_transfer()
    run_without_memory(row_id)
    assert transfer(row_id).state is TransferState.RETRYING
    make_due()
    run_without_memory(row_id)
    row = transfer(row_id)
    assert (row.state, row.fault) == (TransferState.FAILED, Fault.LIMIT)
    assert row.reason.startswith("needed more memory than 2,147,483,648 bytes, alone as well")


def test_the_neighbours_in_a_group_go_on_and_the_row_is_sent_alone() -> None:
    good, hungry = new_transfer(), new_transfer()

    def act(row: Transfer, _: Claim, progress: Progress) -> None:
        if row.id == hungry:
            raise MemoryError
        progress.advance(3)

    with pytest.raises(SomeFailed):
        transfer_group("w1", [str(good), str(hungry)], act)
    assert transfer(good).state is TransferState.COMPLETED
    assert transfer(hungry).state is TransferState.RETRYING
    make_due()
    with session_scope() as session:
        sent = [message for message in take_overdue(session, 9) if message.id == hungry]
    assert [message.others for message in sent] == [()]


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process count as fresh: earlier tests may have done tasks in it."""
    monkeypatch.setattr(claim_context, "is_used", lambda: False)


def expire_leases() -> None:
    with session_scope() as session:
        leased = update(Transfer).where(Transfer.lease_until.is_not(None))
        session.execute(leased.values(lease_until=db_now(-1)))


def claim_again(row_id: UUID) -> Claim | None:
    expire_leases()
    return claim_row(claims.take_transfer, str(row_id), "w1")


def kill_for_memory(row_id: UUID, worker: str = "w1") -> list[UUID]:
    with session_scope() as session:
        return note_kill(session, Transfer, [row_id], worker)


def test_a_row_whose_process_the_kernel_ends_is_tried_once_more_and_then_fails() -> None:
    row_id = new_transfer()
    assert claim_again(row_id)
    assert kill_for_memory(row_id) == [row_id]
    assert claim_again(row_id)
    assert kill_for_memory(row_id) == [row_id]
    with pytest.raises(OutOfMemory, match="needed more memory than the system had left, alone as well"):
        claim_again(row_id)
    assert (transfer(row_id).state, transfer(row_id).fault) == (TransferState.FAILED, Fault.LIMIT)


def test_both_kinds_of_a_lack_count_together() -> None:
    killed_first, killed_last = new_transfer(), new_transfer()
    assert claim_again(killed_first)
    assert kill_for_memory(killed_first)
    expire_leases()
    run_without_memory(killed_first)
    assert transfer(killed_first).state is TransferState.FAILED
    run_without_memory(killed_last)
    make_due()
    assert claim_again(killed_last)
    assert kill_for_memory(killed_last)
    with pytest.raises(OutOfMemory):
        claim_again(killed_last)


def test_a_lack_in_an_earlier_attempt_does_not_count() -> None:
    row_id = new_transfer()
    assert claim_again(row_id)
    assert kill_for_memory(row_id)
    with session_scope() as session:
        session.execute(update(Transfer).values(attempt=2))
    assert kill_for_memory(row_id)
    assert claim_again(row_id)


@pytest.mark.parametrize("case", ["unclaimed", "another worker's", "ended"])
def test_a_kill_is_noted_on_the_rows_that_the_process_held_alone(case: str) -> None:
    row_id = new_transfer()
    if case != "unclaimed":
        assert claim_again(row_id)
    if case == "ended":
        with session_scope() as session:
            fail(session, session.get_one(Transfer, row_id), "no", Fault.STORE)
    assert kill_for_memory(row_id, "w2" if case == "another worker's" else "w1") == []


def test_a_waiting_row_with_a_lack_of_memory_is_not_given_up() -> None:
    row_id = new_transfer()
    run_without_memory(row_id)
    assert claim_row(claims.take_transfer, str(row_id), "w1") is None  # its time has not come


def no_memory(*_: object) -> None:
    raise MemoryError


@pytest.mark.parametrize("failures", [0, TRIES - 1])
def test_a_clean_up_without_memory_is_a_try(failures: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfers, "remove_leftovers", no_memory)
    row_id = new_transfer()
    assert claim_again(row_id)
    with session_scope() as session:
        fail(session, session.get_one(Transfer, row_id), "no", Fault.STORE)
        session.execute(update(Transfer).values(failures=failures))
    ended = transfers.clean.apply(args=[str(row_id)], throw=False)
    assert ended.state == ("FAILURE" if failures == 0 else "SUCCESS")
    assert transfer(row_id).leftovers == (failures == 0)


def test_a_claim_without_memory_fails_its_task_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "take_transfer", no_memory)
    row_id = new_transfer()
    ended = transfers.run.apply(args=[str(row_id)], throw=False)
    assert isinstance(ended.result, OutOfMemory)
    assert transfer(row_id).state is TransferState.ACCEPTED


@pytest.mark.parametrize("kill", [False, True], ids=["found none", "killed"])
def test_the_second_try_is_left_to_a_fresh_process(kill: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    ended = list[bool]()
    monkeypatch.setattr(claim_context, "end_after_task", lambda: ended.append(True))
    row_id = new_transfer()
    if kill:
        assert claim_again(row_id)
        kill_for_memory(row_id)
        expire_leases()
    else:
        run_without_memory(row_id)
        make_due()
    monkeypatch.setattr(claim_context, "is_used", lambda: True)
    for number in range(1, 4):  # each used process ends; none of them counts as a failure
        assert claim_row(claims.take_transfer, str(row_id), "w1") is None
        assert (len(ended), transfer(row_id).failures) == (number, 1)
        assert transfer(row_id).turn_at is not None
    monkeypatch.setattr(claim_context, "is_used", lambda: False)
    assert claim_row(claims.take_transfer, str(row_id), "w1")


def test_other_repeated_work_takes_any_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim_context, "is_used", lambda: True)
    row_id = new_transfer()
    assert claim_row(claims.take_transfer, str(row_id), "w1")
    assert claim_again(row_id)
