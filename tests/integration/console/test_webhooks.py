"""Webhooks on the account's pages: a secret shown once, tests, rotations, deliveries, refusals."""

import re
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from gateway.callers import LOCAL, Caller
from gateway.db import session_scope
from gateway.events.webhooks.hooks import disable_webhook
from gateway.settings import get_settings
from tests.browser import FormBrowser
from tests.identity import new_key
from tests.integration.console.test_pages import Checked
from tests.rows import new_job
from tests.webhooks import FAILED, URL, due, fill, hook, new_webhook, record, rows

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ACCOUNT = "/console/account"
HOOKS = f"{ACCOUNT}/webhooks"
HOSTILE = '"><script>alert(1)</script>'
_SECRET = re.compile(r'aria-label="Secret">(whsec_[^<]+)<')


@pytest.fixture
def browser(api: TestClient) -> FormBrowser:
    return FormBrowser(api)


def _secret_of(page: str) -> str:
    found = _SECRET.search(page)
    assert found is not None, page
    return found[1]


def test_a_secret_is_shown_once_and_replaced_by_another(browser: FormBrowser) -> None:
    made = browser.send(HOOKS, ACCOUNT, url=URL, events="job.succeeded, *.failed", description=HOSTILE)
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    Checked(made.text)
    secret, path = _secret_of(made.text), re.findall(rf'href="({HOOKS}/[^"]+)"', made.text)[0]
    page = browser.open(path)
    assert "job.succeeded, *.failed" in page
    turned = _secret_of(browser.send(f"{path}/rotate", path).text)
    for shown in (ACCOUNT, path):
        Checked(text := browser.open(shown))
        assert [each for each in (secret, turned, HOSTILE) if each in text] == []
    assert secret != turned
    assert "The secret before signs until" in browser.open(path)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"url": "http://portal.example.org/"}, "https:// is needed"),
        ({"url": "nowhere"}, "url"),
        ({"events": ""}, "events"),
        ({"events": "job.flown"}, "names no event"),
        ({"events": HOSTILE}, "names no event"),
    ],
    ids=range(5),
)
def test_a_refused_webhook_is_told(browser: FormBrowser, fields: dict[str, str], words: str) -> None:
    answer = browser.send(HOOKS, ACCOUNT, **({"url": URL, "events": "*.*"} | fields))
    assert (answer.status_code, words in answer.text, "<script>alert" in answer.text) == (400, True, False)
    assert "A webhook tells an address of yours" in browser.open(ACCOUNT)


def test_deliveries_are_shown_tested_and_sent_again(browser: FormBrowser) -> None:
    hook_id, _ = new_webhook()
    path = f"{HOOKS}/{hook_id}"
    assert "No delivery yet" in browser.open(path)
    job_id = new_job("fft")
    fill()
    [message] = due()
    record(message, FAILED)
    page = browser.open(path)
    assert f'href="/console/work/job/{job_id}"' in page
    assert ("the receiver answered 500" in page, "oops" in page) == (True, True)
    again = f"{path}/deliveries/{rows(hook_id)[0].id}/redeliver"
    assert browser.send(again, path).headers["location"] == path
    assert rows(hook_id)[0].attempts == 0
    assert browser.send(f"{path}/test", path).headers["location"] == path
    assert browser.send(f"{path}/test", path).status_code == 409
    part = browser.client.get(path, headers={"HX-Request": "true"}).text
    assert ("webhook.test" in part, "<html" in part, "every 1s" in part) == (True, False, True)
    for number in (uuid4(), "x"):
        assert browser.send(f"{path}/deliveries/{number}/redeliver", path).status_code == 404


def test_deliveries_are_paged(browser: FormBrowser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.console.webhooks.PAGE", 2)
    hook_id, _ = new_webhook()
    path = f"{HOOKS}/{hook_id}"
    for _ in range(3):
        new_job("fft")
    fill()
    older = re.findall(rf'href="({path}\?cursor=\d+)"', browser.open(path))
    assert browser.open(older[0]).count("Send again") == 1
    assert browser.client.get(f"{path}?cursor=x").status_code == 400


def test_a_disabled_webhook_says_why_and_is_deleted(browser: FormBrowser) -> None:
    hook_id, _ = new_webhook()
    path = f"{HOOKS}/{hook_id}"
    with session_scope() as session:
        disable_webhook(session, hook_id, "its receiver answered 410")
    page = browser.open(path)
    assert ("its receiver answered 410" in page, "Send a test" in page) == (True, False)
    assert browser.send(f"{path}/test", path).status_code == 409
    assert browser.send(f"{path}/delete", path).headers["location"] == ACCOUNT
    assert browser.client.get(path).status_code == 404


def test_another_owners_webhook_does_not_exist(with_keys: TestClient) -> None:
    hook_id, _ = new_webhook(caller=Caller("ada", LOCAL.scope, "0123456789abcdef"))
    eve = FormBrowser(with_keys)
    assert eve.client.get(f"{HOOKS}/{hook_id}").headers["location"].startswith("/console/sign-in")
    eve.sign_in(new_key("eve"))
    assert str(hook_id) not in eve.open(ACCOUNT)
    for each in (hook_id, uuid4()):
        assert eve.client.get(f"{HOOKS}/{each}").status_code == 404
        for action in ("test", "rotate", "delete", f"deliveries/{uuid4()}/redeliver"):
            assert eve.send(f"{HOOKS}/{each}/{action}", ACCOUNT).status_code == 404
    assert hook(hook_id).disabled_at is None


def test_a_webhook_of_a_session_acts_by_the_key_that_signed_in(with_keys: TestClient) -> None:
    ada = FormBrowser(with_keys)
    ada.sign_in(key := new_key("ada"))
    made = ada.send(HOOKS, ACCOUNT, url=URL, events="job.*").text
    hook_id = UUID(re.findall(rf"{HOOKS}/([0-9a-f-]+)", made)[0])
    assert hook(hook_id).key_id in key
    new_job("fft", owner="ada")
    fill()
    assert (hook(hook_id).reason, [row.type for row in rows(hook_id)]) == ("", ["job.accepted"])


def test_webhooks_that_are_switched_off_are_told_in_words(
    browser: FormBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_settings(), "webhooks", False)
    page = browser.open(ACCOUNT)
    assert ("the operator has set GATEWAY_WEBHOOKS=false" in page, "Add a webhook" in page) == (True, False)
    answer = browser.send(HOOKS, ACCOUNT, url=URL, events="*.*")
    assert (answer.status_code, "GATEWAY_WEBHOOKS=false" in answer.text) == (501, True)
    assert browser.client.get(f"{HOOKS}/{uuid4()}").status_code == 501


def test_no_secret_goes_over_plain_http(far: FormBrowser) -> None:
    hook_id, _ = new_webhook()
    page = far.send(HOOKS, "/console/start", url=URL, events="*.*")
    assert (page.status_code, "Open it over https" in page.text) == (403, True)
    assert far.send(f"{HOOKS}/{hook_id}/rotate", "/console/start").status_code == 403
    assert "Add a webhook" not in far.open(ACCOUNT)
