"""Messages of webhooks over HTTP: foreign verifiers, answers of every kind, inner addresses, deadlines."""

import json
import socket
from uuid import UUID

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from sqlalchemy import Engine
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from gateway.callers import LOCAL
from gateway.cleaning import clean
from gateway.db import session_scope, utc_now
from gateway.encryption import keys, new_key
from gateway.events.webhooks import sending
from gateway.events.webhooks.cloud_events import LARGEST_BYTES
from gateway.events.webhooks.hooks import rotate_secret
from gateway.events.webhooks.sending import DeliveryOutcome, send_message
from gateway.jobs import lifecycle as jobs
from gateway.models import Job, Webhook
from gateway.settings import get_settings
from tests.receivers import Answer, Receiver, die, drip, hang, pour, receiver, status, take
from tests.rows import new_job
from tests.webhooks import deliver_all, due, fill, new_webhook, record, rows

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def _message_to(there: Receiver) -> tuple[UUID, str]:
    """Make a hook of the receiver, and an event for it."""
    made = new_webhook(url=there.url)
    new_job("fft")
    fill()
    return made


def _send(there: Receiver) -> DeliveryOutcome:
    _message_to(there)
    [message] = due()
    return send_message(message)


@pytest.mark.usefixtures("loopback")
def test_foreign_code_verifies_and_reads_a_message() -> None:
    with receiver() as there:
        webhook_id, secret = new_webhook(url=there.url)
        row_id = new_job("fft")
        with session_scope() as session:
            jobs.cancel(session, session.get_one(Job, row_id), "ada", "a \u202e reason\n\U0001f600")
        fill()
        deliver_all()
    assert [row.state for row in rows(webhook_id)] == ["delivered"] * 2
    for taken, state in zip(there.taken, ("accepted", "cancelled"), strict=True):
        Verifier(secret).verify(taken.body, taken.headers)
        event = from_http_event(HTTPMessage(headers=taken.headers, body=taken.body))
        assert (event.get_type(), event.get_source()) == (f"job.{state}", f"/job/{row_id}")
        assert (event.get_subject(), event.get_specversion()) == (str(row_id), "1.0")
        data = event.get_data()
        assert isinstance(data, dict)
        assert (data["id"], data["to_state"], data["owner"]) == (str(row_id), state, "local")
        with pytest.raises(WebhookVerificationError):
            Verifier(secret).verify(taken.body + b" ", taken.headers)
    assert len({taken.headers["webhook-id"] for taken in there.taken}) == 2
    assert {taken.headers["webhook-id"] for taken in there.taken} == {str(row.id) for row in rows(webhook_id)}


@pytest.mark.usefixtures("loopback")
def test_both_secrets_sign_for_a_day_after_a_rotation() -> None:
    with receiver() as there:
        webhook_id, old = _message_to(there)
        with session_scope() as session:
            _, new = rotate_secret(session, LOCAL, webhook_id)
        deliver_all()
        for secret in (old, new):
            Verifier(secret).verify(there.taken[0].body, there.taken[0].headers)
        with session_scope() as session:
            session.get_one(Webhook, webhook_id).previous_until = utc_now()
        new_job("fft")
        fill()
        deliver_all()
    Verifier(new).verify(there.taken[1].body, there.taken[1].headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(old).verify(there.taken[1].body, there.taken[1].headers)


@pytest.mark.usefixtures("loopback")
@pytest.mark.parametrize(
    ("answer", "code", "is_delivered"),
    [
        *((status(code), code, True) for code in (200, 201, 202, 204, 299)),
        *((status(code), code, False) for code in (400, 401, 404, 410, 429, 500, 503)),
        *((status(code, Location="https://example.org/"), code, False) for code in (301, 302, 307, 308)),
    ],
    ids=lambda value: "" if callable(value) else str(value),
)
def test_two_hundreds_alone_end_a_delivery(answer: Answer, code: int, *, is_delivered: bool) -> None:
    with receiver(answer) as there:
        outcome = _send(there)
    assert (outcome.status, outcome.is_delivered, outcome.is_gone) == (code, is_delivered, code == 410)
    assert bool(outcome.reason) != is_delivered
    assert len(there.taken) == 1


@pytest.mark.usefixtures("loopback")
def test_a_redirect_to_an_inner_address_is_not_followed() -> None:
    with receiver() as inner, receiver(status(307, Location=inner.url)) as there:
        outcome = _send(there)
    assert (inner.taken, "redirects are not followed" in outcome.reason) == ([], True)


@pytest.mark.usefixtures("loopback")
@pytest.mark.parametrize("answer", [hang, drip, die], ids=lambda answer: answer.__name__)
def test_a_receiver_without_an_answer_is_given_up_in_time(
    answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sending.DEADLINE_S == 10
    monkeypatch.setattr(sending, "DEADLINE_S", 0.3)
    with receiver(answer) as there:
        outcome = _send(there)
    assert (outcome.status, outcome.is_delivered) == (None, False)
    assert "tried again" in outcome.reason


@pytest.mark.usefixtures("loopback")
def test_of_a_gigabyte_the_start_is_read_and_a_kibibyte_kept() -> None:
    with receiver(pour) as there:
        outcome = _send(there)
    assert outcome.is_delivered
    assert len(outcome.answer) <= 1024
    assert outcome.answer.startswith("xxx")


@pytest.mark.usefixtures("loopback")
def test_an_answer_is_cleaned_before_it_is_kept() -> None:
    odd = "\x1b[31mred\x00\u202e\nline".encode() + b"\xff\xfe"
    with receiver(status(500, odd)) as there:
        webhook_id, _ = _message_to(there)
        [message] = due()
        record(message, send_message(message))
    [row] = rows(webhook_id)
    assert row.answer.isprintable()
    assert row.answer == clean(row.answer)
    assert "red" in row.answer


def test_a_private_address_is_refused_at_the_sending_too(
    database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name may lead elsewhere by then, and a list may have been shortened."""
    monkeypatch.setenv("GATEWAY_ALLOWED_ENDPOINTS", "127.0.0.1 10.0.0.0/8")
    get_settings.cache_clear()
    new_webhook(url="https://portal.example.org/x")
    new_job("fft")
    fill()
    [message] = due()
    for inner in ("127.0.0.1", "10.0.0.7", "169.254.169.254", "::1"):
        answers = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (inner, 443))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, found=answers, **__: found)
        outcome = send_message(message)
        assert outcome.status is None
        assert inner in outcome.reason
        assert "GATEWAY_WEBHOOK_HOSTS" in outcome.reason


@pytest.mark.usefixtures("loopback")
def test_a_host_that_left_the_list_is_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as there:
        _message_to(there)
        [message] = due()
        monkeypatch.setenv("GATEWAY_WEBHOOK_HOSTS", "")
        get_settings.cache_clear()
        outcome = send_message(message)
    assert (there.taken, "GATEWAY_WEBHOOK_HOSTS" in outcome.reason) == ([], True)


@pytest.mark.usefixtures("loopback")
def test_a_secret_of_a_lost_key_is_a_reason_and_no_end_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver(take) as there:
        _message_to(there)
        [message] = due()
        monkeypatch.setenv("GATEWAY_CREDENTIALS_KEY", new_key())
        get_settings.cache_clear()
        keys.cache_clear()
        outcome = send_message(message)
    assert (outcome.status, "GATEWAY_CREDENTIALS_KEY" in outcome.reason) == (None, True)


@pytest.mark.usefixtures("loopback")
def test_a_body_is_at_most_sixteen_kibibytes() -> None:
    with receiver() as there:
        new_webhook(url=there.url)
        row_id = new_job("fft")
        with session_scope() as session:
            jobs.cancel(session, session.get_one(Job, row_id), "\U0001f600" * 255, "\U0001f600" * 9000)
        fill()
        deliver_all()
    assert max(len(taken.body) for taken in there.taken) <= LARGEST_BYTES == 16384
    assert all(json.loads(taken.body)["specversion"] == "1.0" for taken in there.taken)
