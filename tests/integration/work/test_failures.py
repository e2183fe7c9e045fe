import pytest
from pydantic import ValidationError
from sqlalchemy import update

from gateway.db import db_now, session_scope, utc_now
from gateway.errors import Fault, StorageBusy, StorageUnavailable
from gateway.models import Transfer
from gateway.settings import Settings, get_settings
from gateway.states import TransferState
from gateway.work.claims import take_transfer
from gateway.work.failures import record_failure
from tests.rows import new_transfer, transfer
from workers.claim_context import GivenUp, claim_row


@pytest.mark.usefixtures("database")
def test_a_poison_rows_task_fails_in_the_rows_own_words() -> None:
    row_id = new_transfer()
    for _ in range(get_settings().retries + 1):
        assert claim_row(take_transfer, str(row_id), "worker")
        with session_scope() as session:
            session.execute(update(Transfer).values(lease_until=db_now(-1)))
    with pytest.raises(GivenUp, match="6 workers died"):
        claim_row(take_transfer, str(row_id), "worker")
    assert (transfer(row_id).state, transfer(row_id).fault) == (TransferState.FAILED, Fault.WORKERS)
    assert claim_row(take_transfer, str(row_id), "worker") is None


@pytest.mark.usefixtures("database")
def test_a_kind_may_have_a_budget_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_RETRIES_BY_KIND", "s3_result=1, job=0")
    get_settings.cache_clear()
    row_ids = {kind: new_transfer(kind, path="x.csv") for kind in ("s3_data", "s3_result")}
    for row_id in row_ids.values():
        for _ in range(2):
            with session_scope() as session:
                row = session.get_one(Transfer, row_id)
                row.state = TransferState.TRANSFERRING
                record_failure(session, row, StorageUnavailable("slow down", Fault.NETWORK))
    waiting = transfer(row_ids["s3_data"])
    assert (waiting.state, waiting.fault) == (TransferState.RETRYING, Fault.NETWORK)
    given_up = transfer(row_ids["s3_result"])
    assert (given_up.reason, given_up.fault) == ("given up after 2 tries: slow down", Fault.NETWORK)


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(("asked_s", "waits_s"), [(None, 3), (-5.0, 3), (120.0, 120), (1e9, 300)])
def test_a_busy_store_is_asked_again_when_it_wants(asked_s: float | None, waits_s: float) -> None:
    row_id = new_transfer()
    with session_scope() as session:
        row = session.get_one(Transfer, row_id)
        row.state = TransferState.TRANSFERRING
        record_failure(session, row, StorageBusy("slow down", after_s=asked_s))
    waiting = transfer(row_id)
    assert waiting.retry_at is not None
    left_s = (waiting.retry_at - utc_now()).total_seconds()
    assert waits_s - 30 < left_s <= waits_s


@pytest.mark.parametrize("value", ["transfers=3", "job=-1", "job=many", "job", "=3"])
def test_a_budget_that_cannot_be_is_refused_at_start(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_RETRIES_BY_KIND", value)
    with pytest.raises(ValidationError):
        Settings()
