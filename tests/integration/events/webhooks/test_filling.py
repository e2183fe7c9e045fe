"""Deliveries of events: one for each hook and change of state, with the rights of this moment."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine, select, update

from gateway.accounts import api_keys
from gateway.callers import Caller, Scope
from gateway.db import session_scope, utc_now
from gateway.events.pruning import renumber_restored
from gateway.events.webhooks import filling
from gateway.jobs import lifecycle as jobs
from gateway.models import ApiKey, Event, Job, Transfer, WebhookCursor
from gateway.operations.retention import delete_row
from gateway.settings import get_settings
from gateway.states import JobState
from tests.ended_rows import ended_job, failed_transfer, submit_job
from tests.identity import new_key
from tests.rows import new_job, new_transfer
from tests.webhooks import due, fill, hook, new_webhook, rows, types
from tests.workflows import new_workflow


def _cancel(row_id: UUID) -> None:
    with session_scope() as session:
        jobs.cancel(session, session.get_one(Job, row_id))


def test_each_change_of_state_is_one_delivery_and_a_note_is_none(database: Engine) -> None:
    webhook_id, _ = new_webhook("job.*")
    row_id = new_job("fft")
    new_transfer()
    _cancel(row_id)
    fill()
    fill()
    assert types(webhook_id) == ["job.accepted", "job.cancelled"]
    assert {row.row_id for row in rows(webhook_id)} == {row_id}


def test_events_from_before_the_webhook_are_not_sent(database: Engine) -> None:
    new_job("fft")
    first, _ = new_webhook()
    new_job("fft")
    second, _ = new_webhook()
    fill()
    assert (len(rows(first)), len(rows(second))) == (1, 0)


@pytest.mark.parametrize("state", [JobState.TIMEOUT, JobState.OUT_OF_MEMORY, JobState.LOST, JobState.FAILED])
def test_any_failure_covers_every_unsuccessful_end(database: Engine, state: JobState) -> None:
    webhook_id, _ = new_webhook("*.failed")
    ended_job(state)
    failed_transfer()
    ended_job(JobState.SUCCEEDED)
    fill()
    assert types(webhook_id) == [f"job.{state}", "s3_data.failed"]


def test_workflows_and_their_steps_send_their_own(database: Engine) -> None:
    whole, _ = new_webhook("workflow.*")
    steps, _ = new_webhook("s3_data.*")
    row_id = new_workflow()
    fill()
    assert [(row.row_id, row.type) for row in rows(whole)] == [(row_id, "workflow.accepted")]
    assert types(steps) == ["s3_data.accepted"]


def test_children_of_a_prefix_send_none(database: Engine) -> None:
    webhook_id, _ = new_webhook()
    parent, child = new_transfer(), new_transfer()
    with session_scope() as session:
        session.get_one(Transfer, child).parent_id = parent
    fill()
    assert [row.row_id for row in rows(webhook_id)] == [parent]


def test_windows_of_events_are_filled_one_after_the_other(
    database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "BATCH", 2)
    webhook_id, _ = new_webhook()
    made = [new_job("fft") for _ in range(7)]
    fill()
    assert [row.row_id for row in rows(webhook_id)] == made


def test_several_fillers_at_once_insert_each_delivery_once(database: Engine) -> None:
    webhook_id, _ = new_webhook()
    made = [new_job("fft") for _ in range(20)]
    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(fill) for _ in range(8)]:
            done.result()
    assert [row.row_id for row in rows(webhook_id)] == made


def test_a_filler_that_dies_before_its_commit_loses_and_doubles_nothing(database: Engine) -> None:
    webhook_id, _ = new_webhook()
    row_id = new_job("fft")

    def fill_and_die() -> None:
        with session_scope() as session:
            assert filling.fill_deliveries(session)
            session.flush()
            raise SystemExit

    with pytest.raises(SystemExit):
        fill_and_die()
    assert rows(webhook_id) == []
    fill()
    assert [row.row_id for row in rows(webhook_id)] == [row_id]


def test_pruned_rows_and_their_mark_lose_no_event_of_others(database: Engine) -> None:
    webhook_id, _ = new_webhook()
    kept, pruned = new_job("fft"), new_job("fft")
    with session_scope() as session:
        delete_row(session, session.get_one(Job, pruned))
    fill()
    assert [row.row_id for row in rows(webhook_id)] == [kept]


def test_a_restored_dump_goes_on_with_the_events_of_the_new_server(database: Engine) -> None:
    if database.dialect.name == "sqlite":
        pytest.skip("SQLite has no numbers of transactions")
    webhook_id, _ = new_webhook()
    new_job("fft")
    fill()
    with session_scope() as session:
        session.execute(update(WebhookCursor).values(xid=2**60))
        session.execute(update(Event).values(xid=2**60))
    with database.begin() as connection:
        renumber_restored(connection)
    new_job("fft")
    fill()
    assert types(webhook_id) == ["job.accepted"] * 2


@pytest.fixture
def accounts(database: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_AUTH", "keys")
    get_settings.cache_clear()


@pytest.mark.usefixtures("accounts")
class TestRights:
    """A webhook sends what its maker may see at the moment of the delivery."""

    def _hook(self, owner: str, scope: Scope = Scope.USER) -> tuple[UUID, str]:
        key_id = new_key(owner, scope)[4:20]
        return new_webhook(caller=Caller(owner, scope, key_id))[0], key_id

    def test_owners_are_sent_their_own_and_operators_all(self) -> None:
        (ada, _), (operator, _) = self._hook("ada"), self._hook("op", Scope.OPERATOR)
        mine, other = new_job("fft", owner="ada"), new_job("fft", owner="eve")
        fill()
        assert [row.row_id for row in rows(ada)] == [mine]
        assert [row.row_id for row in rows(operator)] == [mine, other]

    @pytest.mark.parametrize("when", ["before the event", "before the sending"])
    def test_a_revoked_key_ends_its_webhook_and_drops_its_backlog(self, when: str) -> None:
        (lost, key_id), (kept, _) = self._hook("ada"), self._hook("ada")
        if when == "before the sending":
            new_job("fft", owner="ada")
            fill()
        with session_scope() as session:
            api_keys.revoke_key(session, key_id)
        new_job("fft", owner="ada")
        fill()
        assert {message.webhook_id for message in due()} == {kept}
        assert {row.state for row in rows(lost)} <= {"dropped"}
        assert "API key was revoked" in hook(lost).reason
        assert hook(kept).disabled_at is None

    def test_an_expired_key_ends_its_webhook(self) -> None:
        webhook_id, key_id = self._hook("ada")
        with session_scope() as session:
            session.get_one(ApiKey, key_id).expires_at = utc_now() - timedelta(seconds=1)
        new_job("fft", owner="ada")
        fill()
        assert "has expired" in hook(webhook_id).reason

    def test_a_lost_scope_ends_the_deliveries_of_foreign_rows(self) -> None:
        webhook_id, key_id = self._hook("op", Scope.OPERATOR)
        foreign, own = new_job("fft", owner="ada"), new_job("fft", owner="op")
        fill()
        with session_scope() as session:
            session.get_one(ApiKey, key_id).scope = Scope.USER
        assert [message.row_id for message in due()] == [own]
        new_job("fft", owner="ada")
        fill()
        assert [(row.row_id, row.state) for row in rows(webhook_id)] == [
            (foreign, "dropped"),
            (own, "pending"),
        ]

    def test_a_key_of_another_owner_or_none_is_no_right(self) -> None:
        key_id = new_key("eve")[4:20]
        hooks = [
            new_webhook(caller=Caller("ada", Scope.USER, key_id))[0],
            new_webhook(caller=Caller("ada", Scope.ADMIN, ""))[0],
        ]
        new_job("fft", owner="ada")
        fill()
        assert [rows(each) for each in hooks] == [[], []]
        assert all(hook(each).disabled_at for each in hooks)


def test_a_webhook_from_before_accounts_is_ended_with_them(
    database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook_id, _ = new_webhook()
    monkeypatch.setenv("GATEWAY_AUTH", "keys")
    get_settings.cache_clear()
    new_job("fft")
    fill()
    assert rows(webhook_id) == []
    assert "GATEWAY_AUTH=none" in hook(webhook_id).reason


def test_a_webhook_of_an_openid_account_is_sent_its_own_rows_alone(
    database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ISSUER", "AUDIENCE", "JWKS_URL"):
        monkeypatch.setenv(f"GATEWAY_OIDC_{name}", "https://login.example.org")
    monkeypatch.setenv("GATEWAY_AUTH", "oidc")
    get_settings.cache_clear()
    webhook_id, _ = new_webhook(caller=Caller("ada", Scope.ADMIN))
    own, _other = new_job("fft", owner="ada"), new_job("fft", owner="eve")
    fill()
    assert [row.row_id for row in rows(webhook_id)] == [own]


def test_a_webhook_that_wants_nothing_costs_no_delivery(database: Engine) -> None:
    webhook_id, _ = new_webhook("workflow.*")
    submit_job(new_job("fft"))
    fill()
    with session_scope(read_only=True) as session:
        place = session.scalars(select(WebhookCursor)).one()
        last = session.scalars(select(Event.id).order_by(Event.id.desc())).first()
    assert (rows(webhook_id), place.event_id) == ([], last)
