"""The routes of webhooks: made, listed, rotated, tested, redelivered, deleted, refused, switched off."""

import io
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text

from gateway.callers import Caller, Scope
from gateway.db import session_scope
from gateway.encryption import decrypt
from gateway.events.webhooks.hooks import MOST, disable_webhook
from gateway.models import Webhook
from gateway.settings import get_settings
from tests.identity import bearer, new_key
from tests.rows import new_job
from tests.webhooks import FAILED, URL, due, fill, new_webhook, record, rows

BODY: dict[str, Any] = {"url": URL, "events": ["job.succeeded", "*.failed", "workflow.*"], "description": "x"}
ADA, EVE = Caller("ada", Scope.USER), Caller("eve", Scope.USER)

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def _make(api: TestClient, **how: Any) -> dict[str, Any]:
    answer = api.post("/webhooks", json=BODY, **how)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_the_secret_is_shown_once_and_encrypted_at_rest(api: TestClient, log: io.StringIO) -> None:
    made = _make(api)
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert api.get(f"/webhooks/{made['id']}").json() == made
    assert api.get("/webhooks").json() == [made]
    assert (made["events"], made["disabled_at"], made["url"]) == (BODY["events"], None, URL)
    with session_scope(read_only=True) as session:
        kept = session.scalars(select(Webhook)).one()
        everything = str(session.execute(text("SELECT * FROM webhooks")).all())
    assert decrypt(kept.secret) == secret
    assert secret not in everything
    assert secret not in log.getvalue()


def test_a_rotation_shows_a_new_secret_and_keeps_the_old_one_for_a_day(api: TestClient) -> None:
    made = _make(api)
    turned = api.post(f"/webhooks/{made['id']}/rotate").json()
    assert turned["secret"] != made["secret"]
    with session_scope(read_only=True) as session:
        kept = session.get_one(Webhook, UUID(made["id"]))
        assert (decrypt(kept.secret), decrypt(kept.previous_secret or "")) == (
            turned["secret"],
            made["secret"],
        )
    assert turned["old_secret_until"] is not None


def test_a_deleted_webhook_is_gone_with_its_deliveries(api: TestClient) -> None:
    made = _make(api)
    url = f"/webhooks/{made['id']}"
    assert api.post(f"{url}/test").status_code == 201
    assert api.delete(url).status_code == 204
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/deliveries"), ("POST", "/test")):
        assert api.request(method, url + path).status_code == 404
    assert rows(UUID(made["id"])) == []


def test_a_test_is_a_delivery_and_one_at_a_time(api: TestClient) -> None:
    url = f"/webhooks/{_make(api)['id']}"
    trial = api.post(f"{url}/test").json()
    assert (trial["type"], trial["state"], trial["attempts"]) == ("webhook.test", "pending", 0)
    assert api.post(f"{url}/test").status_code == 409
    assert api.get(f"{url}/deliveries").json() == {"items": [trial], "next": None}
    [message] = due()
    record(message)
    assert api.get(f"{url}/deliveries").json()["items"][0]["state"] == "delivered"
    assert api.post(f"{url}/test").status_code == 201


def test_deliveries_are_paged_newest_first(api: TestClient) -> None:
    webhook_id, _ = new_webhook()
    jobs = [str(new_job("fft")) for _ in range(5)]
    fill()
    seen, cursor = list[str](), None
    while True:
        page = api.get(
            f"/webhooks/{webhook_id}/deliveries", params={"limit": 2} | ({"cursor": cursor} if cursor else {})
        ).json()
        seen += [item["row_id"] for item in page["items"]]
        if (cursor := page["next"]) is None:
            break
    assert seen == jobs[::-1]
    for wrong in ("x", "-1", "1.5", str(2**63), "٣"):
        answer = api.get(f"/webhooks/{webhook_id}/deliveries", params={"cursor": wrong})
        assert answer.status_code == 400, wrong


def test_a_redelivery_sends_the_same_message_again(api: TestClient) -> None:
    webhook_id, _ = new_webhook()
    new_job("fft")
    fill()
    [message] = due()
    record(message)
    url = f"/webhooks/{webhook_id}/deliveries"
    assert api.post(f"{url}/{message.id}/redeliver").json()["state"] == "pending"
    [again] = due()
    assert (again.id, again.body) == (message.id, message.body)
    record(again, FAILED)
    shown = api.get(url).json()["items"][0]
    assert (shown["status"], shown["answer"], shown["attempts"]) == (500, "oops", 1)
    for unknown in (uuid4(), "x"):
        assert api.post(f"{url}/{unknown}/redeliver").status_code == 404


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"events": []}, "events"),
        ({"events": ["job.done"]}, "'job.done' names no event"),
        ({"events": ["*"]}, "names no event"),
        ({"secret": "whsec_x"}, "secret"),
        ({"events": ["job.*"] * 51}, "events"),
        ({"events": "job.*"}, "events"),
        ({"events": [1]}, "events"),
        ({"events": None}, "events"),
        ({"url": "http://portal.example.org/hooks"}, "https:// is needed"),
        ({"url": "ftp://portal.example.org/hooks"}, "starts with"),
        ({"url": "https://me:pw@portal.example.org/"}, "user name"),
        ({"url": "https://"}, "no host"),
        ({"url": "portal.example.org"}, "starts with"),
        ({"url": "https://127.0.0.1/"}, "GATEWAY_WEBHOOK_HOSTS"),
        ({"url": "https://localhost/"}, "GATEWAY_WEBHOOK_HOSTS"),
        ({"url": "https://169.254.169.254/latest"}, "GATEWAY_WEBHOOK_HOSTS"),
        ({"url": "https://[::1]/"}, "GATEWAY_WEBHOOK_HOSTS"),
        ({"url": "https://10.1.2.3:8443/"}, "GATEWAY_WEBHOOK_HOSTS"),
        ({"url": "https://2130706433/"}, "GATEWAY_WEBHOOK_HOSTS"),
        ({"url": "https://portal.example.org/" + "a" * 3000}, "url"),
        ({"url": "https://portal.example.org/a\r\nX: y"}, "url"),
        ({"url": "https://portal.example.org/ä"}, "url"),
        ({"url": "https://portal.example.org:99999/"}, "not a URL"),
    ],
    ids=str,
)
def test_a_bad_body_is_400_and_named(api: TestClient, change: dict[str, Any], told: str) -> None:
    answer = api.post("/webhooks", json=BODY | change)
    assert answer.status_code == 400, answer.text
    assert told in answer.text
    assert api.get("/webhooks").json() == []


def test_the_list_of_the_stores_opens_nothing_here(api: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = {"url": "http://127.0.0.1:9000/x"}
    monkeypatch.setenv("GATEWAY_ALLOWED_ENDPOINTS", "127.0.0.1:9000")
    get_settings.cache_clear()
    assert api.post("/webhooks", json=BODY | inner).status_code == 400
    monkeypatch.setenv("GATEWAY_WEBHOOK_HOSTS", "127.0.0.1:9000 hooks.inside.example")
    get_settings.cache_clear()
    assert api.post("/webhooks", json=BODY | inner).status_code == 201
    assert api.post("/webhooks", json=BODY | {"url": "http://hooks.inside.example/"}).status_code == 201
    assert api.post("/webhooks", json=BODY | {"url": "http://127.0.0.1:9001/"}).status_code == 400


def test_an_owner_has_ten_webhooks(with_keys: TestClient) -> None:
    ada, eve = bearer(new_key("ada")), bearer(new_key("eve"))
    made = [_make(with_keys, headers=ada) for _ in range(MOST)]
    answer = with_keys.post("/webhooks", json=BODY, headers=ada)
    assert (MOST, answer.status_code) == (10, 409)
    _make(with_keys, headers=eve)
    with_keys.delete(f"/webhooks/{made[0]['id']}", headers=ada)
    _make(with_keys, headers=ada)


def test_a_disabled_webhook_takes_no_test_rotation_or_redelivery(api: TestClient) -> None:
    webhook_id, _ = new_webhook()
    new_job("fft")
    fill()
    [message] = due()
    with session_scope() as session:
        disable_webhook(session, webhook_id, "its receiver answered 410")
    url = f"/webhooks/{webhook_id}"
    for path in ("test", "rotate", f"deliveries/{message.id}/redeliver"):
        answer = api.post(f"{url}/{path}")
        assert (answer.status_code, "answered 410" in answer.json()["detail"]) == (409, True)
    shown = api.get(url).json()
    assert (shown["disabled_at"] is not None, shown["reason"]) == (True, "its receiver answered 410")
    assert api.get(f"{url}/deliveries").json()["items"][0]["state"] == "dropped"
    assert api.delete(url).status_code == 204


class TestForeignWebhooks:
    """Another owner's webhook does not exist, whatever is asked of it."""

    def test_its_id_is_as_unknown_as_any(self, with_keys: TestClient) -> None:
        ada, eve = bearer(new_key("ada")), bearer(new_key("eve"))
        theirs = _make(with_keys, headers=ada)["id"]
        delivery = with_keys.post(f"/webhooks/{theirs}/test", headers=ada).json()["id"]
        for method, path in (
            *(("GET", ""), ("DELETE", ""), ("GET", "/deliveries")),
            *(("POST", "/rotate"), ("POST", "/test"), ("POST", f"/deliveries/{delivery}/redeliver")),
        ):
            told = set()
            for webhook_id in (theirs, str(uuid4())):
                answer = with_keys.request(method, f"/webhooks/{webhook_id}{path}", headers=eve)
                assert answer.status_code == 404, (method, path)
                told.add(answer.text.replace(webhook_id, "ID"))
            assert len(told) == 1, "an answer must not tell that the webhook exists"
        assert with_keys.get("/webhooks", headers=eve).json() == []
        assert with_keys.get(f"/webhooks/{theirs}", headers=ada).status_code == 200

    def test_a_delivery_of_another_webhook_is_not_found_under_ones_own(self, with_keys: TestClient) -> None:
        ada, eve = bearer(new_key("ada")), bearer(new_key("eve"))
        theirs, own = _make(with_keys, headers=ada)["id"], _make(with_keys, headers=eve)["id"]
        delivery = with_keys.post(f"/webhooks/{theirs}/test", headers=ada).json()["id"]
        answer = with_keys.post(f"/webhooks/{own}/deliveries/{delivery}/redeliver", headers=eve)
        assert answer.status_code == 404

    def test_operators_see_it_without_the_query_of_its_url(self, with_keys: TestClient) -> None:
        ada, operator = bearer(new_key("ada")), bearer(new_key("op", Scope.OPERATOR))
        body = BODY | {"url": f"{URL}?token=hidden"}
        made = with_keys.post("/webhooks", json=body, headers=ada).json()
        shown = with_keys.get(f"/webhooks/{made['id']}", headers=operator).json()
        assert (shown["owner"], "hidden" in str(shown), "secret" in shown) == ("ada", False, False)
        refused = with_keys.post(f"/webhooks/{made['id']}/rotate", headers=operator)
        assert (refused.status_code, "whsec_" in refused.text) == (403, False)
        assert with_keys.post(f"/webhooks/{made['id']}/rotate", headers=ada).status_code == 200


def test_webhooks_that_are_switched_off_are_501_with_the_setting(
    api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _make(api)["id"]
    monkeypatch.setenv("GATEWAY_WEBHOOKS", "false")
    get_settings.cache_clear()
    for method, path in (("GET", ""), ("POST", ""), ("GET", f"/{made}"), ("DELETE", f"/{made}")):
        answer = api.request(method, f"/webhooks{path}", json=BODY if method == "POST" else None)
        assert (answer.status_code, "GATEWAY_WEBHOOKS" in answer.json()["detail"]) == (501, True)
