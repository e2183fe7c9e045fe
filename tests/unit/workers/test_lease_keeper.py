"""The lease keeper while the database does not answer: the work stops when its lease is over."""

import time
from contextlib import nullcontext
from uuid import uuid4

import pytest
from sqlalchemy.exc import OperationalError

from gateway.errors import ClaimLost
from gateway.models import Transfer
from gateway.settings import Settings
from gateway.work import claims
from gateway.work.claims import Claim
from workers import lease_keeper
from workers.lease_keeper import LeaseKeeper

LEASE_S = 1


@pytest.fixture(autouse=True)
def away(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("UPDATE", {}, RuntimeError("the server went away"))

    monkeypatch.setattr(claims, "renew_claims", fail)
    monkeypatch.setattr(lease_keeper, "session_scope", nullcontext)
    monkeypatch.setattr(lease_keeper, "get_settings", lambda: Settings(lease_s=LEASE_S))
    monkeypatch.setattr(lease_keeper, "RENEW_S", 0.05)


def test_whoever_works_hears_when_the_lease_is_over_and_the_log_names_the_rows(
    caplog: pytest.LogCaptureFixture,
) -> None:
    claimed = [Claim(uuid4(), 1, 1, repeated=False) for _ in range(3)]
    begun = time.monotonic()
    with LeaseKeeper(Transfer, claimed) as keeper:
        while not keeper.is_stopped(claimed[1]) and time.monotonic() < begun + 10 * LEASE_S:
            time.sleep(0.01)
        with pytest.raises(ClaimLost, match="the database was away for longer than the lease"):
            keeper.progress_of(claimed[1]).advance(1)
    assert time.monotonic() - begun > LEASE_S
    assert f"3 leases not renewed, of {claimed[0].id} and others: OperationalError" in caplog.text


def test_one_that_was_let_go_is_not_named(caplog: pytest.LogCaptureFixture) -> None:
    claimed = [Claim(uuid4(), 1, 1, repeated=False) for _ in range(2)]
    with LeaseKeeper(Transfer, claimed) as keeper:
        keeper.release(claimed[0])
        time.sleep(0.2)
    assert f"1 leases not renewed, of {claimed[1].id}: OperationalError" in caplog.text
    assert str(claimed[0].id) not in caplog.text
