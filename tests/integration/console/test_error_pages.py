"""Errors as pages: unknown addresses, lack of rights, and failures of the gateway itself."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.exc import OperationalError

from api.console.headers import HEADERS
from api.console.visitors import COOKIE
from tests.browser import FormBrowser
from tests.identity import new_key

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def _fail(error: Exception) -> Any:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


@pytest.mark.parametrize(
    "path", ["/console/nothing", "/console/work/x", "/console/work/job/x", "/console/find?id=x"]
)
def test_an_unknown_page_is_told_as_a_page(api: TestClient, path: str) -> None:
    answer = FormBrowser(api).client.get(path)
    assert answer.status_code in {400, 404}
    assert "Back to the page" not in answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS


@pytest.mark.parametrize("part", [False, True], ids=["page", "part"])
def test_an_unexpected_error_is_told_as_a_page_without_its_cause(
    api: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, *, part: bool
) -> None:
    monkeypatch.setattr("api.console.home.load_clusters", _fail(RuntimeError("a secret cause")))
    answer = FormBrowser(api).client.get("/", headers={"HX-Request": "true"} if part else {})
    assert answer.status_code == 500
    assert ("its log has the cause" in answer.text, "secret" in answer.text) == (True, False)
    assert ("<html" in answer.text) is not part
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "a secret cause" in caplog.text


def test_a_page_without_the_database_is_told_and_the_session_stays(
    with_keys: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = FormBrowser(with_keys)
    browser.sign_in(new_key("ada"))
    token = browser.client.cookies[COOKIE]
    with monkeypatch.context() as away:
        failure = OperationalError("SELECT 1", {}, Exception("no route"))
        away.setattr("gateway.accounts.sessions.find_session", _fail(failure))
        for path in ("/", "/console/account"):
            answer = browser.client.get(path)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
            assert answer.headers["content-type"].startswith("text/html")
            assert ("database is away" in answer.text, "no route" in answer.text) == (True, False)
    assert browser.client.cookies[COOKIE] == token
    assert "Hello" in browser.open("/")
