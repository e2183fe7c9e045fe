"""The words of a webhook's `events`, and its signatures as foreign code verifies them."""

from base64 import b64decode
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from gateway.errors import Invalid
from gateway.events.webhooks.outcomes import FIRST_PAUSE_S, LONGEST_PAUSE_S, TRIED_FOR, pause_s
from gateway.events.webhooks.signatures import new_secret, signed_headers
from gateway.events.webhooks.words import STATES, UNSUCCESSFUL, check_words, selects
from gateway.states import JobState, TransferState, is_retryable

BODY = '{"specversion":"1.0","ä":"ö"}'.encode()


@pytest.mark.parametrize(
    "words",
    [["job.succeeded", "*.failed", "workflow.*"], ["*.*"], ["s3_data.completed"], ["job.out_of_memory"]],
    ids=lambda words: words[0],
)
def test_the_words_of_the_contract_are_known(words: list[str]) -> None:
    assert check_words(words) == words


def test_doubled_words_count_once() -> None:
    assert check_words(["job.*", "*.failed", "job.*"]) == ["job.*", "*.failed"]


@pytest.mark.parametrize(
    "word",
    [
        *("", ".", "*", "job", "job.", ".failed", "jobs.failed", "job.completed", "s3_data.succeeded"),
        *("workflow.lost", "*.done", "job.succeeded.x", "JOB.failed", "job.failed ", "job,failed", "job.*.*"),
    ],
)
def test_an_unknown_word_is_refused_with_the_known_ones(word: str) -> None:
    with pytest.raises(Invalid, match=r"one of .*\*") as refused:
        check_words(["job.succeeded", word])
    assert refused.value.field == "events"


def test_words_select_kind_and_state() -> None:
    assert selects(["job.succeeded"], "job", "succeeded")
    assert selects(["job.*"], "job", "pending")
    assert selects(["*.accepted"], "data", "accepted")
    assert selects(["*.*"], "workflow", "running")
    assert not selects(["job.succeeded", "*.failed"], "workflow", "succeeded")
    assert not selects(["job.failed"], "job", "timeout")


def test_any_failure_covers_every_unsuccessful_end() -> None:
    ends = {str(state) for kind in (JobState, TransferState) for state in kind if is_retryable(state)}
    assert ends == UNSUCCESSFUL
    for kind, states in STATES.items():
        assert {state for state in states if selects(["*.failed"], kind, state)} == states & UNSUCCESSFUL


def test_foreign_code_verifies_a_signature() -> None:
    secret = new_secret()
    headers = signed_headers("m", datetime.now(UTC), BODY, [secret])
    assert Webhook(secret).verify(BODY, headers)
    assert 24 <= len(b64decode(secret.removeprefix("whsec_"))) <= 64
    for forged in (
        (BODY + b" ", headers),
        (BODY, headers | {"webhook-id": "n"}),
        (BODY, signed_headers("m", datetime.now(UTC), BODY, [new_secret()])),
        (BODY, signed_headers("m", datetime.now(UTC) - timedelta(minutes=6), BODY, [secret])),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(*forged)


def test_both_secrets_of_a_rotation_verify() -> None:
    old, new = new_secret(), new_secret()
    headers = signed_headers("m", datetime.now(UTC), BODY, [new, old])
    for secret in (old, new):
        assert Webhook(secret).verify(BODY, headers)


def test_the_pauses_grow_and_fill_three_days() -> None:
    pauses = [pause_s(attempts) for attempts in range(1, 30)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (FIRST_PAUSE_S, LONGEST_PAUSE_S)
    assert timedelta(days=3) == TRIED_FOR
