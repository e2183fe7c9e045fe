"""Signing in with a key: the session, its ends, and the attempts to get one without a key."""

import re
from datetime import timedelta
from html import unescape
from urllib.parse import urlencode

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from api.console.visitors import COOKIE
from gateway.accounts import api_keys, sessions
from gateway.accounts.failed_keys import counted_as
from gateway.callers import Scope
from gateway.db import session_scope, utc_now
from gateway.models import ApiKey, ConsoleSession
from tests.browser import FormBrowser, new_address
from tests.ended_rows import failed_transfer
from tests.identity import new_key

SIGN_IN = "/console/sign-in"
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def _signed_in(api: TestClient, owner: str = "ada", scope: Scope = Scope.USER) -> FormBrowser:
    browser = FormBrowser(api)
    assert browser.sign_in(new_key(owner, scope)).headers["location"] == "/"
    return browser


def _is_signed_in(browser: FormBrowser) -> bool:
    return bool(browser.client.get("/").status_code == 200)


def test_an_owner_has_a_bounded_number_of_sessions(
    with_keys: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MOST_OF_OWNER", 2)
    other = _signed_in(with_keys, "eve")
    browsers = [_signed_in(with_keys) for _ in range(3)]
    assert [_is_signed_in(browser) for browser in (other, *browsers)] == [True, False, True, True]


def test_a_key_opens_a_session_whose_cookie_no_page_reads(with_keys: TestClient) -> None:
    browser = FormBrowser(with_keys)
    answer = browser.sign_in(key := new_key("ada"))
    assert answer.status_code == 303
    words = answer.headers["set-cookie"]
    assert words.startswith(f"{COOKIE}=")
    assert {word.strip().lower() for word in words.split(";")[1:]} >= {
        "httponly",
        "secure",
        "samesite=lax",
        "path=/",
    }
    assert "domain" not in words.lower()
    assert "Hello" in browser.open("/")
    with session_scope(read_only=True) as session:
        (row,) = session.scalars(select(ConsoleSession))
    token = browser.client.cookies[COOKIE]
    assert token not in {row.digest, row.owner, row.key_id}
    assert (len(row.digest), row.key_id) == (64, key.split("_")[1])


def test_without_a_session_each_page_leads_to_the_sign_in_and_back(with_keys: TestClient) -> None:
    browser = FormBrowser(with_keys)
    for path in ("/", "/console/work/job?state=failed", "/console/account", "/console/overview"):
        answer = browser.client.get(path)
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith(f"{SIGN_IN}?next=%2F")
    wanted = "/console/work/job?state=failed"
    page = browser.client.get(browser.client.get(wanted).headers["location"]).text
    assert 'value="/console/work/job?state=failed"' in page
    answer = browser.send(SIGN_IN, SIGN_IN, key=new_key("ada"), next=wanted)
    assert answer.headers["location"] == wanted
    part = browser.client.get("/", headers={"HX-Request": "true"})
    assert part.status_code == 200
    stranger = FormBrowser(with_keys).client.get("/", headers={"HX-Request": "true"})
    assert (stranger.status_code, stranger.headers["hx-redirect"]) == (401, f"{SIGN_IN}?next=%2F")


@pytest.mark.parametrize(
    "wanted",
    ["/console/work/s3_data?reason=no+bucket&since=2026-11-30T08%3A00", "/console/find?id=%2B+%26", "/"],
)
def test_a_sign_in_leads_back_to_the_very_page(with_keys: TestClient, wanted: str) -> None:
    browser = FormBrowser(with_keys)
    form = browser.client.get(browser.client.get(wanted).headers["location"])
    [following] = re.findall(r'name="next" value="([^"]*)"', form.text)
    answer = browser.send(SIGN_IN, SIGN_IN, key=new_key("ada"), next=unescape(following))
    assert answer.headers["location"] == wanted


def test_a_page_with_a_long_address_leads_to_the_sign_in(with_keys: TestClient) -> None:
    browser = FormBrowser(with_keys)
    there = browser.client.get(f"/console/start?run={'x' * 5000}").headers["location"]
    assert 'name="next" value="/"' in browser.open(there)


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("https://testserver/console/work/job?state=failed", "/console/work/job?state=failed"),
        ("https://evil.example/console/start", "/"),
        ("https://testserver//evil.example", "/"),
        ("https://[", "/"),
        ("", "/"),
    ],
    ids=range(5),
)
def test_after_the_end_of_a_session_a_part_and_a_form_lead_back_to_their_page(
    with_keys: TestClient, page: str, expected: str
) -> None:
    browser = FormBrowser(with_keys)
    part = browser.client.get("/", headers={"HX-Request": "true", "HX-Current-URL": page})
    there = f"{SIGN_IN}?{urlencode({'next': expected})}"
    assert (part.status_code, part.headers["hx-redirect"]) == (401, there)
    assert "sign in" in part.text
    token = {"form_token": browser.token(SIGN_IN)}
    sent = browser.client.post("/console/start", data=token, headers={"Referer": page})
    assert (sent.status_code, sent.headers["location"]) == (303, there)


def test_a_refused_form_leads_back_to_its_page(with_keys: TestClient) -> None:
    browser = _signed_in(with_keys)
    token = {"form_token": browser.token("/console/account"), "endpoint": "no address"}
    answer = browser.client.post(
        "/console/account/credentials", data=token, headers={"Referer": "https://testserver/console/account"}
    )
    assert answer.status_code == 400
    assert '<a href="/console/account">Back to the page</a>' in answer.text


@pytest.mark.parametrize(
    "following",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/console/x\ny",
        "",
    ],
    ids=range(6),
)
def test_a_sign_in_leads_to_pages_of_the_console_alone(with_keys: TestClient, following: str) -> None:
    browser = FormBrowser(with_keys)
    answer = browser.send(SIGN_IN, SIGN_IN, key=new_key("ada"), next=following)
    assert answer.headers["location"] == "/"


def test_the_token_of_before_the_sign_in_stands_for_no_session(with_keys: TestClient) -> None:
    browser = FormBrowser(with_keys)
    browser.open(SIGN_IN)
    planted = browser.client.cookies[COOKIE]
    browser.sign_in(new_key("ada"))
    assert browser.client.cookies[COOKIE] != planted
    attacker = FormBrowser(with_keys)
    attacker.client.cookies.set(COOKIE, planted)
    assert not _is_signed_in(attacker)
    before = browser.client.cookies[COOKIE]
    browser.client.cookies.clear()
    browser.client.cookies.set(COOKIE, before)
    assert _is_signed_in(browser)


def _change(**values: object) -> None:
    with session_scope() as session:
        session.execute(update(ConsoleSession).values(**values))


def test_a_session_ends_by_idleness_by_age_and_with_its_key(with_keys: TestClient) -> None:
    browser, now = _signed_in(with_keys), utc_now()
    _change(used_at=now - sessions.IDLE + timedelta(minutes=5))
    assert _is_signed_in(browser), "that use is recorded"
    with session_scope(read_only=True) as session:
        assert now - session.scalars(select(ConsoleSession)).one().used_at < timedelta(minutes=1)
    _change(used_at=now - sessions.IDLE - timedelta(seconds=1))
    assert not _is_signed_in(browser)
    _change(used_at=now)
    assert _is_signed_in(browser)
    with session_scope(read_only=True) as session:
        row = session.scalars(select(ConsoleSession)).one()
        assert row.expires_at - row.created_at == timedelta(days=7)
    _change(expires_at=now)
    assert not _is_signed_in(browser)
    _change(expires_at=now + timedelta(hours=1))
    with session_scope() as session:
        api_keys.revoke_key(session, session.scalars(select(ApiKey.id)).one())
    assert not _is_signed_in(browser)


def test_a_session_has_the_present_scope_of_its_key(with_keys: TestClient) -> None:
    browser = _signed_in(with_keys, scope=Scope.OPERATOR)
    assert browser.client.get("/console/overview").status_code == 200
    with session_scope() as session:
        session.execute(update(ApiKey).values(scope=Scope.USER))
    assert browser.client.get("/console/overview").status_code == 403
    assert "Overview" not in browser.open("/")


def test_signing_out_ends_the_session_for_every_copy_of_its_cookie(with_keys: TestClient) -> None:
    browser = _signed_in(with_keys)
    token = browser.client.cookies[COOKIE]
    assert browser.send("/console/sign-out", "/console/account").headers["location"] == SIGN_IN
    copy = FormBrowser(with_keys)
    copy.client.cookies.set(COOKIE, token)
    assert not _is_signed_in(copy)
    with session_scope(read_only=True) as session:
        assert session.scalars(select(ConsoleSession)).all() == []


@pytest.mark.parametrize(
    "key", ["", "some words", "hgk_0123456789abcdef_" + "A" * 43, "' OR 1=1 --", "é" * 50], ids=range(5)
)
def test_a_wrong_key_is_told_and_opens_nothing(with_keys: TestClient, key: str) -> None:
    browser = FormBrowser(with_keys)
    answer = browser.sign_in(key)
    assert (answer.status_code, "not known here" in answer.text) == (401, True)
    assert key == "" or key not in answer.text
    assert not _is_signed_in(browser)


def test_the_sixth_wrong_key_of_a_minute_is_refused_and_a_good_one_counts_nothing(
    with_keys: TestClient,
) -> None:
    here, good = new_address(), new_key("ada")
    browser = FormBrowser(with_keys, address=here)
    for _ in range(8):
        assert FormBrowser(with_keys, address=here).sign_in(good).status_code == 303
    assert [browser.sign_in("wrong").status_code for _ in range(6)] == [401] * 5 + [429]
    refused = browser.sign_in(good)
    assert (refused.status_code, "try again in" in refused.text) == (429, True)
    elsewhere = FormBrowser(with_keys)
    assert elsewhere.sign_in(good).status_code == 303


def test_other_addresses_of_the_same_ipv6_network_do_not_give_more_tries(with_keys: TestClient) -> None:
    network = new_address().rpartition(":")[0]
    statuses = [
        FormBrowser(with_keys, address=f"{network}:{host:x}").sign_in("wrong").status_code
        for host in range(1, 7)
    ]
    assert statuses == [401] * 5 + [429]


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
@pytest.mark.usefixtures("settings")
def test_tries_are_counted_by_the_host(address: str, counted: str) -> None:
    assert counted_as(address) == counted


def test_over_plain_http_from_elsewhere_no_key_is_taken(with_keys: TestClient) -> None:
    browser, key = FormBrowser(with_keys, "http://gateway.example.org"), new_key("ada")
    page = browser.open(SIGN_IN)
    assert "Open it over https" in page
    assert "password" not in page
    token = FormBrowser(with_keys).token(SIGN_IN)
    answer = browser.client.post(SIGN_IN, data={"key": key, "form_token": token})
    assert answer.status_code == 403
    with session_scope(read_only=True) as session:
        assert session.scalars(select(ConsoleSession)).all() == []
    for near in ("http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"):
        assert "password" in FormBrowser(with_keys, near).open(SIGN_IN)


def test_a_cookie_opens_no_call_of_the_rest_api(with_keys: TestClient) -> None:
    browser = _signed_in(with_keys, scope=Scope.ADMIN)
    for path in ("/job", "/s3_data", "/overview", "/credentials"):
        assert browser.client.get(path).status_code == 401, path
    assert browser.client.post("/retry", json={}).status_code == 401


def test_a_form_without_the_pages_token_changes_nothing(with_keys: TestClient) -> None:
    row_id = failed_transfer(owner="ada")
    browser, eve = _signed_in(with_keys), _signed_in(with_keys, "eve")
    action = f"/console/work/s3_data/{row_id}/retry"
    for token in ("", "x", eve.token("/console/account"), "é"):
        answer = browser.client.post(action, data={"form_token": token})
        assert (answer.status_code, "load the page again" in answer.text) == (403, True)
    assert browser.client.post(action, json={"form_token": browser.token("/")}).status_code == 403
    foreign = browser.client.post(
        action, data={"form_token": browser.token("/")}, headers={"Origin": "https://evil.example"}
    )
    assert foreign.status_code == 403
    assert browser.client.post(action, data={"form_token": browser.token("/")}).status_code == 303
