"""Rows whose work finds no memory: one more try alone, then a failure in words; their neighbours go on."""

from uuid import UUID

import pytest
from sqlalchemy import update

from gateway.db import session_scope
from gateway.errors import Fault
from gateway.models import Transfer
from gateway.states import TransferState
from gateway.transfers.staging.attempt import Progress
from gateway.work import claims
from gateway.work.claims import Claim
from gateway.work.overdue import take_overdue
from tests.rows import new_transfer, transfer
from workers.claim_context import claim_row, recording_failure
from workers.group_transfer import SomeFailed, transfer_group
from workers.memory_limit import OutOfMemory

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
    assert (row.state, row.fault, row.failures) == (TransferState.FAILED, Fault.LIMIT, 2)
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
