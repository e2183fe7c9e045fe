"""Limits of streams: of an owner, of a process, of a key; owners see their own and operators all."""

import httpx
import pytest

from api import event_hub
from api.event_hub import hub
from gateway.accounts import api_keys
from gateway.callers import Scope
from gateway.db import session_scope
from gateway.settings import get_settings
from tests.event_streams import STREAM, cancel, stream, take
from tests.identity import bearer, new_key
from tests.polling import until
from tests.rows import new_job

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.mark.usefixtures("with_accounts")
def test_owners_see_their_own_and_operators_all(url: str) -> None:
    eve, operator = bearer(new_key("eve")), bearer(new_key("op", Scope.OPERATOR))
    with stream(url, **eve) as own, stream(url, **operator) as all_:
        ada = new_job("fft", owner="ada")
        mine = new_job("fft", owner="eve")
        assert [event.json()["id"] for event in take(own, 1)] == [str(mine)]
        assert [event.json()["id"] for event in take(all_, 2)] == [str(ada), str(mine)]
    with stream(url, **eve, **{"Last-Event-ID": "0-0"}) as own:
        cancel(mine)
        assert [event.json()["owner"] for event in take(own, 3)] == ["eve"] * 3
    answer = httpx.get(f"{url}/job/{ada}/events", headers=STREAM | eve)
    assert answer.status_code == 404
    assert httpx.get(f"{url}/events", headers=STREAM).status_code == 401


@pytest.mark.usefixtures("with_accounts")
def test_a_revoked_key_ends_its_streams_and_no_other(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_hub, "RECHECK_S", 0.05)
    lost, kept = new_key("ada"), new_key("ada")
    with stream(url, **bearer(lost)) as ending, stream(url, **bearer(kept)) as going_on:
        with session_scope() as session:
            api_keys.revoke_key(session, lost[4:20])
        assert list(ending) == []
        row_id = new_job("fft", owner="ada")
        assert take(going_on, 1)[0].json()["id"] == str(row_id)


@pytest.mark.usefixtures("with_accounts")
def test_one_stream_too_many_of_an_owner_is_429_for_that_owner(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_STREAMS_PER_OWNER", "2")
    get_settings.cache_clear()
    ada, eve = bearer(new_key("ada")), bearer(new_key("eve"))
    with stream(url, **ada), stream(url, **ada):
        answer = httpx.get(f"{url}/events", headers=STREAM | ada)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "10")
        with stream(url, **eve):
            pass
    until("the places are free", lambda: hub.number == 0)
    with stream(url, **ada):
        pass


def test_one_stream_too_many_of_the_process_is_429(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_STREAMS", "1")
    get_settings.cache_clear()
    with stream(url):
        answer = httpx.get(f"{url}/events", headers=STREAM)
        assert (answer.status_code, answer.json()["status"]) == (429, 429)


def test_the_limits_are_the_contracts(settings: None) -> None:
    fields = type(get_settings()).model_fields
    assert (fields["streams_per_owner"].default, fields["streams"].default) == (200, 5000)
