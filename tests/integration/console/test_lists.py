"""Lists, groups of failures and the account in the console, on both databases."""

import re
from html import unescape
from typing import Any

import pytest
from fastapi.testclient import TestClient

from gateway.db import session_scope
from gateway.models import Job, Transfer
from gateway.settings import get_settings
from gateway.states import TransferState
from tests.browser import FormBrowser
from tests.ended_rows import failed_transfer
from tests.identity import new_key
from tests.rows import new_job, new_transfer, transfer
from tests.workflows import new_workflow


@pytest.fixture
def browser(api: TestClient) -> FormBrowser:
    return FormBrowser(api, "http://testserver")


def test_a_group_of_equal_failures_is_retried_together_and_no_other(browser: FormBrowser) -> None:
    same = [failed_transfer("no bucket") for _ in range(3)]
    other = failed_transfer("no bucket, and more")
    for path in ("/", "/console/work/s3_data", "/console/overview"):
        [link] = re.findall(r'href="([^"]+)">3 failed<', browser.open(path))
        shown = re.findall(r'href="/console/work/s3_data/([0-9a-f-]{36})"', browser.open(unescape(link)))
        assert {*map(str, same)} <= set(shown) <= {*map(str, same), str(other)}
    page = browser.open("/console/work/s3_data")
    assert (page.index("no bucket"), "Retry all 3" in page) < (page.index("<table"), True)
    done = browser.send("/console/work/s3_data/retry", "/", infrastructure="hpc", reason="no bucket")
    assert "3 retried" in done.text
    assert {transfer(row_id).state for row_id in same} == {TransferState.ACCEPTED}
    assert transfer(other).state is TransferState.FAILED


def test_the_latest_work_has_runs_without_their_steps(browser: FormBrowser) -> None:
    run_id, job_id, transfer_id = new_workflow(), new_job("fft"), new_transfer()
    found = re.findall(r'href="/console/work/(\w+)/([0-9a-f-]{36})"', browser.open("/"))
    assert set(found) == {("workflow", str(run_id)), ("job", str(job_id)), ("s3_data", str(transfer_id))}


def test_a_file_in_the_gateways_bucket_has_its_own_name(
    browser: FormBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    row_id = new_transfer()
    with session_scope() as session:
        row = session.get_one(Transfer, row_id)
        monkeypatch.setattr(get_settings(), "store_bucket", row.bucket)
        name = row.path.rpartition("/")[2]
        key = row.object
    page = browser.open("/console/work/s3_data")
    assert (f"<bdi>{name}</bdi>" in page, f"/{key}</bdi>" in page) == (True, False)


def test_a_job_is_found_by_its_schedulers_id_by_those_who_may_see_it(with_keys: TestClient) -> None:
    ada, eve = FormBrowser(with_keys), FormBrowser(with_keys)
    ada.sign_in(new_key("ada"))
    eve.sign_in(new_key("eve"))
    job_id = new_job("fft", owner="ada")
    with session_scope() as session:
        session.get_one(Job, job_id).scheduler_id = "4711"
    there = ada.client.get("/console/find", params={"id": " 4711 "}).headers["location"]
    assert there == f"/console/work/job/{job_id}"
    for browser, text in ((eve, "4711"), (ada, ""), (ada, "a\0b"), (ada, "%"), (ada, "x" * 5000)):
        answer = browser.client.get("/console/find", params={"id": text})
        assert (answer.status_code, len(answer.text) < 5000) == (404, True), text


def test_filters_are_the_apis(browser: FormBrowser) -> None:
    failed = failed_transfer("the bucket is missing")
    waiting = new_transfer()

    def found(**query: Any) -> set[str]:
        page = browser.client.get("/console/work/s3_data", params=query).text
        return set(re.findall(r'href="/console/work/s3_data/([0-9a-f-]{36})"', page))

    assert found() == {str(failed), str(waiting)}
    assert found(state="failed") == found(reason="BUCKET") == found(fault="store") == {str(failed)}
    assert found(state=["failed", "accepted"], infrastructure="", since="") == found()
    page = browser.client.get("/console/work/s3_data", params={"fault": "store"}).text
    assert '<option value="store" selected>' in page
    assert found(infrastructure="unserved") == found(fault="no such word") == set()
    assert found(since="2020-01-01T00:00") == found()
    assert found(until="2020-01-01T00:00") == set()
    for bad in ({"since": "yesterday"}, {"state": "no"}, {"cursor": "x"}, {"parent": "x"}):
        assert browser.client.get("/console/work/s3_data", params=bad).status_code == 400


def test_pages_follow_the_cursor(browser: FormBrowser) -> None:
    made = {str(new_transfer()) for _ in range(52)}
    seen: list[str] = []
    path = "/console/work/s3_data"
    while path:
        page = browser.open(path)
        seen += re.findall(r'<a href="/console/work/s3_data/([0-9a-f-]{36})"', page)
        older = re.search(r'href="([^"]+)" rel="next"', page)
        path = older[1].replace("&amp;", "&") if older else ""
    assert (len(seen), set(seen)) == (52, made)


def test_stored_credentials_and_keys_are_ones_own(with_keys: TestClient) -> None:
    ada, eve = FormBrowser(with_keys), FormBrowser(with_keys)
    key = new_key("ada")
    ada.sign_in(key)
    eve.sign_in(new_key("eve"))
    given = {
        "name": "mine",
        "endpoint": "https://s3.example.org",
        "access_key": "a",
        "secret_key": "very/secret",
    }
    account = "/console/account"
    assert ada.send(f"{account}/credentials", account, **given).status_code == 303
    page = ada.open(account)
    assert ("mine" in page, "very/secret" in page) == (True, False)
    assert page.count("opened this session") == 1
    assert "mine" not in eve.open(account)
    row_id = re.search(r"/credentials/([0-9a-f-]{36})/delete", page)
    assert row_id is not None
    assert eve.send(f"{account}/credentials/{row_id[1]}/delete", account).status_code == 404
    key_id = key.split("_")[1]
    assert eve.send(f"{account}/keys/{key_id}/revoke", account).status_code == 404
    assert ada.send(f"{account}/credentials/{row_id[1]}/delete", account).status_code == 303
    assert "mine" not in ada.open(account)
    assert ada.send(f"{account}/keys/{key_id}/revoke", account).status_code == 303
    assert ada.client.get("/").status_code == 303, "the session ends with its key"
