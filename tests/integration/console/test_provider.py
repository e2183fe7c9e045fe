"""Signing in at an OpenID provider: authorization code with PKCE against a provider of the test's own."""

import base64
import gzip
import hashlib
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.testclient import TestClient
from sqlalchemy import select

from api.console import provider as console_provider
from gateway.accounts import code_flow, provider_answers, sessions
from gateway.db import session_scope
from gateway.models import ConsoleSession
from gateway.settings import get_settings
from tests.browser import FormBrowser
from tests.hostile import dripping, endless
from tests.identity import Provider
from tests.raw import Behaviour, answering, serving
from tests.servers import served

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
START, RETURN = "/console/sign-in/provider", console_provider.RETURN


class CodeProvider:
    """The pages of a provider: its description, and the exchange of codes, each of them once."""

    def __init__(self, tokens: Provider) -> None:
        self.tokens, self.url = tokens, ""
        self.codes: dict[str, tuple[str, dict[str, Any]]] = {}
        self.asked: list[dict[str, str]] = []
        self.app = FastAPI()
        self.app.get("/.well-known/openid-configuration")(self.describe)
        self.app.post("/token")(self.exchange)

    def describe(self) -> dict[str, str]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
        }

    def allow(self, location: str, **claims: Any) -> dict[str, str]:
        """Sign the user in at the page of that address, and return the query of the way back."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        assert query["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = (query["code_challenge"], claims)
        return {"code": code, "state": query["state"]}

    async def exchange(self, request: Request) -> JSONResponse:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        self.asked.append(form)
        challenge, claims = self.codes.pop(form["code"], ("", {}))
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != challenge:
            return JSONResponse({"error": "invalid_grant"}, 400)
        token = self.tokens.token("first", iss=self.url, **claims)
        return JSONResponse({"access_token": token, "token_type": "Bearer"})


@pytest.fixture
def codes(openid: Provider, monkeypatch: pytest.MonkeyPatch) -> Iterator[CodeProvider]:
    provider = CodeProvider(openid)
    with served(provider.app) as url:
        provider.url = url
        monkeypatch.setenv("GATEWAY_OIDC_ISSUER", url)
        monkeypatch.setenv("GATEWAY_OIDC_CLIENT_ID", "console")
        get_settings.cache_clear()
        code_flow.read_description.cache_clear()
        yield provider


def _start(browser: FormBrowser, following: str = "/") -> str:
    answer = browser.client.get(START, params={"next": following})
    assert answer.status_code == 303
    return str(answer.headers["location"])


def _sessions() -> list[ConsoleSession]:
    with session_scope(read_only=True) as session:
        return list(session.scalars(select(ConsoleSession)))


def test_a_sign_in_at_the_provider_opens_a_session_of_its_owner(api: TestClient, codes: CodeProvider) -> None:
    browser = FormBrowser(api)
    assert START in browser.open("/console/sign-in")
    wanted = "/console/work/job?state=failed"
    location = _start(browser, wanted)
    assert location.startswith(f"{codes.url}/authorize?")
    query = parse_qs(urlsplit(location).query)
    assert (query["response_type"], query["client_id"], query["scope"]) == (["code"], ["console"], ["openid"])
    assert query["redirect_uri"] == [f"https://testserver{RETURN}"]
    answer = browser.client.get(RETURN, params=codes.allow(location))
    assert (answer.status_code, answer.headers["location"]) == (303, wanted)
    assert "ada" in browser.open("/")
    (row,) = _sessions()
    assert (row.owner, row.key_id) == ("ada", None)
    assert row.expires_at - row.created_at == sessions.LONGEST_OF_PROVIDER
    assert codes.asked[0]["redirect_uri"] == f"https://testserver{RETURN}"


def test_a_return_counts_in_the_browser_that_began_and_once(api: TestClient, codes: CodeProvider) -> None:
    victim, attacker = FormBrowser(api), FormBrowser(api)
    way_back = codes.allow(_start(attacker), sub="eve")
    answer = victim.client.get(RETURN, params=way_back)
    assert (answer.status_code, "begin again" in answer.text) == (401, True)
    _start(victim)
    assert victim.client.get(RETURN, params=way_back).status_code == 401, "the state is another browser's"
    assert codes.asked == []
    assert attacker.client.get(RETURN, params=way_back).status_code == 303
    assert attacker.client.get(RETURN, params=way_back).status_code == 401
    assert [row.owner for row in _sessions()] == ["eve"]


def test_an_injected_code_fails_for_its_verifier(api: TestClient, codes: CodeProvider) -> None:
    victim, attacker = FormBrowser(api), FormBrowser(api)
    stolen = codes.allow(_start(victim))
    state = codes.allow(_start(attacker))["state"]
    answer = attacker.client.get(RETURN, params={"code": stolen["code"], "state": state})
    assert (answer.status_code, _sessions()) == (401, [])


@pytest.mark.parametrize(
    ("claims", "status"),
    [({"scope": "openid"}, 403), ({"aud": "another"}, 401), ({"sub": "local"}, 401), ({"exp": 1}, 401)],
    ids=["scope", "audience", "owner", "expired"],
)
def test_a_token_that_the_api_refuses_opens_no_session(
    api: TestClient, codes: CodeProvider, claims: dict[str, Any], status: int
) -> None:
    browser = FormBrowser(api)
    answer = browser.client.get(RETURN, params=codes.allow(_start(browser), **claims))
    assert (answer.status_code, _sessions()) == (status, [])
    assert "Sign in" in answer.text


def test_a_refusal_of_the_provider_is_told(api: TestClient, codes: CodeProvider) -> None:
    browser = FormBrowser(api)
    state = codes.allow(_start(browser))["state"]
    answer = browser.client.get(RETURN, params={"error": "access_denied", "state": state})
    assert (answer.status_code, codes.asked) == (401, [])


def test_without_a_client_or_over_plain_http_there_is_no_way(
    api: TestClient, codes: CodeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert FormBrowser(api, "http://gateway.example.org").client.get(START).status_code == 403
    monkeypatch.setenv("GATEWAY_OIDC_CLIENT_ID", "")
    get_settings.cache_clear()
    answer = FormBrowser(api).client.get(START)
    assert (answer.status_code, "GATEWAY_OIDC_CLIENT_ID" in answer.text) == (400, True)


JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BOMB = gzip.compress(b" " * (64 << 20))


def _whole(body: bytes, headers: bytes = b"") -> Behaviour:
    return answering(JSON + headers + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)


HOSTILE = {
    "without an end": endless(JSON + b"\r\n", bytes(1 << 16)),
    "byte by byte": dripping(JSON + b"\r\n"),
    "headers byte by byte": dripping(JSON + b"X-Late: "),
    "packed": _whole(BOMB, b"Content-Encoding: gzip\r\n"),
    "nested": _whole(b"[" * 200_000),
    "a list": _whole(b"[]"),
    "a number": _whole(b"1"),
    "no text": _whole(b"\xff\xfe\xfd"),
    "an odd error": _whole(b'{"error": {"a": []}, "error_description": 1}'),
}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider_answers, "DEADLINE_S", 0.3)


@pytest.mark.parametrize("behave", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_description_ends_in_words(
    api: TestClient, codes: CodeProvider, monkeypatch: pytest.MonkeyPatch, quick: None, behave: Behaviour
) -> None:
    with serving(behave) as url:
        monkeypatch.setenv("GATEWAY_OIDC_ISSUER", url)
        get_settings.cache_clear()
        answer = FormBrowser(api).client.get(START)
    assert (answer.status_code, "OpenID provider" in answer.text) == (503, True)


@pytest.mark.parametrize("behave", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_answer_to_the_code_ends_in_words(
    api: TestClient, codes: CodeProvider, monkeypatch: pytest.MonkeyPatch, quick: None, behave: Behaviour
) -> None:
    browser = FormBrowser(api)
    way_back = codes.allow(_start(browser))
    with serving(behave) as url:
        described = codes.describe() | {"token_endpoint": f"{url}/token"}
        monkeypatch.setattr(code_flow, "read_description", lambda _: described)
        answer = browser.client.get(RETURN, params=way_back)
    assert answer.status_code in {401, 503}
    assert "OpenID provider" in answer.text
    assert _sessions() == []


@pytest.mark.parametrize("endpoint", ["https://[", "https://a/\r\nX: y", f"https://a/{'b' * 9999}", 1, None])
def test_an_odd_address_of_the_provider_s_page_ends_in_words(
    api: TestClient, codes: CodeProvider, monkeypatch: pytest.MonkeyPatch, endpoint: object
) -> None:
    described = codes.describe() | {"authorization_endpoint": endpoint}
    monkeypatch.setattr(code_flow, "read_description", lambda _: described)
    answer = FormBrowser(api).client.get(START)
    assert (answer.status_code, "has no authorization_endpoint" in answer.text) == (503, True)


def test_visits_wait_in_few_threads(
    api: TestClient, codes: CodeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = threading.BoundedSemaphore(1)
    monkeypatch.setattr(provider_answers, "_places", places)
    with places:
        assert FormBrowser(api).client.get(START).status_code == 503
    assert FormBrowser(api).client.get(START).status_code == 303
