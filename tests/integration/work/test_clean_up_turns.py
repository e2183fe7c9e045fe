"""Clean-ups of ended transfers take turns: they hold slots, keep their leases, and wait for none."""

import threading
from uuid import UUID

import pytest

from gateway.db import db_now, session_scope
from gateway.errors import StorageUnavailable
from gateway.models import Transfer
from gateway.operations import retries
from gateway.settings import get_settings
from gateway.states import TransferState
from gateway.work import claims, failures
from gateway.work.claims import lock_claimed
from gateway.work.yielding import has_to_yield
from tests.rows import KEYS, new_transfer, transfer
from tests.turns import SLOTS, change, make_due, serve, sweep, take
from workers import removal
from workers.claim_context import recording_failure
from workers.tasks.transfers import clean

pytestmark = pytest.mark.usefixtures("database")


def ended_with_leftovers(owner: str) -> UUID:
    row_id = new_transfer(owner=owner)
    claim = take(row_id)
    assert claim
    with session_scope() as session:
        failures.finish_cancel(session, lock_claimed(session, Transfer, claim))
    return row_id


def lease_clean_up(row_id: UUID) -> bool:
    with session_scope() as session:
        return claims.take_leftovers(session, row_id) is not None


def test_an_owners_clean_ups_leave_one_slot() -> None:
    serve()
    rows = [ended_with_leftovers("a") for _ in range(SLOTS + 1)]
    make_due()
    sweep()
    assert [lease_clean_up(row) for row in rows] == [True] * (SLOTS - 1) + [False] * 2
    assert take(new_transfer(owner="b"))


def test_an_owner_with_clean_ups_alone_is_not_the_one_that_yields() -> None:
    serve(2 * SLOTS)
    rows = [ended_with_leftovers("a") for _ in range(SLOTS + 1)]
    make_due()
    sweep()
    assert all(map(lease_clean_up, rows))
    held = [take(new_transfer(owner="b")) for _ in range(SLOTS - 1)]
    new_transfer(owner="c")
    with session_scope(read_only=True) as session:
        assert any(has_to_yield(session, claim.id) for claim in held if claim)


def test_a_clean_up_keeps_its_lease_also_when_its_row_is_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    serve()
    row_id = ended_with_leftovers("a")
    leased: list[bool] = []
    renewed = threading.Semaphore(0)
    renew = claims.renew_removal

    def note(session: object, row: Transfer) -> None:
        renew(session, row)  # type: ignore[arg-type]
        renewed.release()

    def retry_meanwhile(row: Transfer) -> bool:
        change(row.id, lease_until=db_now(-1))
        with session_scope() as session:
            retries.retry(session, session.get_one(Transfer, row.id), "test", secret=KEYS)
        for _ in range(2):  # the first may have come before the lease was ended
            assert renewed.acquire(timeout=60)
        leased.append(take(row.id) is None)
        return True

    monkeypatch.setenv("GATEWAY_LEASE_S", "1")
    get_settings.cache_clear()
    monkeypatch.setattr(claims, "renew_removal", note)
    monkeypatch.setattr("workers.tasks.transfers.remove_leftovers", retry_meanwhile)
    clean.apply(args=[str(row_id)], throw=True)
    assert leased == [True]
    assert take(row_id)


def test_a_clean_up_that_has_to_come_again_holds_no_slot_and_waits_for_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_row: Transfer) -> bool:
        raise StorageUnavailable("away")

    serve()
    row_id = ended_with_leftovers("a")
    make_due()
    sweep()
    monkeypatch.setattr("workers.tasks.transfers.remove_leftovers", refuse)
    clean.apply(args=[str(row_id)], throw=False)
    row = transfer(row_id)
    assert (row.leftovers, row.lease_until, row.message_id, row.turn_at) == (True, None, None, None)
    assert row.next_send_at is not None
    make_due()
    assert [message.id for message in sweep()] == [row_id]


def test_the_clean_up_of_a_dead_worker_is_no_owner_that_waits() -> None:
    serve()
    row_id = ended_with_leftovers("b")
    make_due()
    sweep()
    assert lease_clean_up(row_id)
    change(row_id, lease_until=db_now(-1), next_send_at=db_now(60))
    held = [take(new_transfer(owner="a")) for _ in range(SLOTS)]
    assert all(held)


def test_a_retry_after_the_death_of_a_clean_up_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_RETRIES", "0")
    get_settings.cache_clear()
    serve()
    row_id = new_transfer(owner="a")
    claim = take(row_id)
    assert claim
    with pytest.raises(StorageUnavailable), recording_failure(Transfer, claim):
        raise StorageUnavailable("away")
    make_due()
    sweep()
    assert lease_clean_up(row_id)
    change(row_id, lease_until=db_now(-1))
    with session_scope() as session:
        retries.retry(session, session.get_one(Transfer, row_id), "test")
    assert take(row_id)
    assert transfer(row_id).state is TransferState.TRANSFERRING
    change(row_id, lease_until=db_now(-1))
    assert take(row_id) is None
    assert transfer(row_id).state is TransferState.FAILED, "a worker of the attempt itself has died"


def die_in_clean_up(row_id: UUID) -> bool:
    """Lease the clean-up, as often as a worker dies in it; tell whether there was one."""
    make_due()
    sweep()
    leased = lease_clean_up(row_id)
    change(row_id, lease_until=db_now(-1))
    return leased


def test_a_clean_up_whose_workers_always_die_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    serve()
    row_id, tried = ended_with_leftovers("a"), list[UUID]()
    monkeypatch.setattr("workers.tasks.transfers.remove_leftovers", lambda row: tried.append(row.id))
    deaths = removal.TRIES // claims.DEAD_REMOVAL
    assert [die_in_clean_up(row_id) for _ in range(deaths)] == [True] * deaths
    make_due()
    sweep()
    clean.apply(args=[str(row_id)], throw=True)
    assert (tried, transfer(row_id).leftovers, transfer(row_id).next_send_at) == ([], False, None)


def test_a_clean_up_goes_on_after_the_deaths_of_a_few_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    serve()
    row_id, tried = ended_with_leftovers("a"), list[UUID]()

    def remove(row: Transfer) -> bool:
        tried.append(row.id)
        return True

    monkeypatch.setattr("workers.tasks.transfers.remove_leftovers", remove)
    assert die_in_clean_up(row_id)
    make_due()
    sweep()
    clean.apply(args=[str(row_id)], throw=True)
    assert (tried, transfer(row_id).leftovers) == ([row_id], False)


def test_messages_that_no_worker_took_are_no_tries_of_a_clean_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_row: Transfer) -> bool:
        raise StorageUnavailable("away")

    row_id = ended_with_leftovers("a")
    for _ in range(removal.TRIES + 1):  # no worker is connected
        make_due()
        sweep()
    serve()
    monkeypatch.setattr("workers.tasks.transfers.remove_leftovers", refuse)
    clean.apply(args=[str(row_id)], throw=False)
    assert (transfer(row_id).leftovers, transfer(row_id).failures) == (True, 1)


def test_removal_without_the_database_is_left_to_the_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    row_id = ended_with_leftovers("a")
    with session_scope(read_only=True) as session:
        row = session.get_one(Transfer, row_id)
    monkeypatch.setattr(removal, "TRIES", 0)

    def refuse(_row: Transfer) -> bool:
        raise StorageUnavailable("away")

    assert removal.remove_files(row, refuse), "its tries are used up"
