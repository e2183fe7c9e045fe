"""Outcomes of deliveries: order of a row, growing pauses, three days, 410, redeliveries, ten days."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine

from gateway.callers import LOCAL
from gateway.db import session_scope, utc_now
from gateway.events.webhooks.deliveries import prune_deliveries, redeliver
from gateway.events.webhooks.hooks import delete_webhook
from gateway.events.webhooks.sending import DeliveryOutcome
from tests.ended_rows import submit_job
from tests.rows import new_job
from tests.webhooks import DELIVERED, FAILED, change, due, fill, hook, make_due, new_webhook, record, rows

GONE = DeliveryOutcome(410, "", "the receiver answered 410")
STATES = ["job.accepted", "job.submitting", "job.pending"]


def _submitted() -> UUID:
    row_id = new_job("fft")
    submit_job(row_id)
    fill()
    return row_id


def test_the_events_of_a_row_come_in_order_and_those_of_rows_beside_each_other(database: Engine) -> None:
    webhook_id, _ = new_webhook()
    first, second = _submitted(), _submitted()
    sent: dict[UUID, list[str]] = {first: [], second: []}
    by_number = {row.number: row for row in rows(webhook_id)}
    while messages := due():
        assert len({message.row_id for message in messages}) == len(messages)
        for message in messages:
            sent[message.row_id].append(by_number[message.number].type)
            record(message)
    assert sent == {first: STATES, second: STATES}


def test_a_failed_event_holds_back_the_later_ones_of_its_row_alone(database: Engine) -> None:
    webhook_id, _ = new_webhook()
    held, other = _submitted(), _submitted()
    [first, _] = due()
    record(first, FAILED)
    assert first.row_id == held
    assert {message.row_id for message in due()} == {other}
    first_row, *later = [row for row in rows(webhook_id) if row.row_id == held]
    assert (first_row.status, first_row.answer, first_row.attempts) == (500, "oops", 1)
    assert all(row.next_at and first_row.next_at and row.next_at >= first_row.next_at for row in later)
    make_due(webhook_id)
    assert first.number in {message.number for message in due()}
    record(next(message for message in due() if message.number == first.number))
    assert later[0].number in {message.number for message in due()}


def test_pauses_grow_and_end_after_three_days(database: Engine) -> None:
    webhook_id, _ = new_webhook()
    _submitted()
    pauses = []
    for _ in range(5):
        [message] = due()
        before = utc_now()
        record(message, FAILED)
        pauses.append((rows(webhook_id)[0].next_at or before) - before)
        make_due(webhook_id)
    assert pauses == sorted(pauses)
    change(webhook_id, since=utc_now() - timedelta(days=3))
    [message] = due()
    record(message, FAILED)
    given_up, following, _ = rows(webhook_id)
    assert (given_up.state, "three days" in given_up.reason) == ("failed", True)
    assert [message.number for message in due()] == [following.number]
    assert hook(webhook_id).disabled_at is None


def test_410_disables_the_webhook_and_drops_its_backlog(database: Engine) -> None:
    webhook_id, _ = new_webhook()
    other, _ = new_webhook()
    _submitted()
    record(next(message for message in due() if message.webhook_id == webhook_id), GONE)
    assert [row.state for row in rows(webhook_id)] == ["failed", "dropped", "dropped"]
    assert "410" in hook(webhook_id).reason
    _submitted()
    assert len(rows(webhook_id)) == 3
    assert {message.webhook_id for message in due()} == {other}


def test_a_message_under_way_is_not_taken_twice(database: Engine) -> None:
    new_webhook()
    _submitted()
    [message] = due()
    assert due(message.number) == []


def test_an_outcome_counts_once_and_not_after_a_redelivery(database: Engine) -> None:
    webhook_id, _ = new_webhook()
    new_job("fft")
    fill()
    [message] = due()
    record(message, FAILED)
    record(message, DELIVERED)
    assert (rows(webhook_id)[0].attempts, rows(webhook_id)[0].state) == (1, "pending")
    make_due(webhook_id)
    [late] = due()
    with session_scope() as session:
        redeliver(session, LOCAL, webhook_id, late.id)
    record(late, DELIVERED)
    assert rows(webhook_id)[0].state == "pending"
    [again] = due()
    assert again.id == late.id


def test_an_outcome_of_a_deleted_webhook_is_forgotten(database: Engine) -> None:
    webhook_id, _ = new_webhook()
    new_job("fft")
    fill()
    [message] = due()
    with session_scope() as session:
        delete_webhook(session, LOCAL, webhook_id)
    record(message)
    assert rows(webhook_id) == []


@pytest.mark.parametrize(("days", "left"), [(9.9, 1), (10.1, 0)])
def test_deliveries_are_kept_ten_days(database: Engine, days: float, left: int) -> None:
    webhook_id, _ = new_webhook()
    new_job("fft")
    fill()
    change(webhook_id, created_at=utc_now() - timedelta(days=days))
    with session_scope() as session:
        prune_deliveries(session)
    assert len(rows(webhook_id)) == left


def test_one_owners_backlog_hides_nothing_of_another_hook(database: Engine) -> None:
    new_webhook()
    for _ in range(30):
        new_job("fft")
    fill()
    other, _ = new_webhook()
    new_job("fft")
    fill()
    assert [message.webhook_id for message in due()].count(other) == 1
