"""Tokens of an OpenID provider with a real JWKS endpoint: owners, scopes, rotation, outages."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from gateway.accounts import jwks
from gateway.settings import get_settings
from tests.bodies import DATA
from tests.identity import Provider, bearer, ec_key, rsa_key

# What a token says does not depend on the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def _me(api: TestClient, token: str) -> tuple[int, str]:
    """Return the status of a POST, and whose its row is or why there is none."""
    answer = api.post("/s3_data", json=DATA, headers=bearer(token))
    return answer.status_code, answer.json().get("owner") or answer.json()["detail"]


def test_a_token_says_whose_the_row_is(api: TestClient, openid: Provider) -> None:
    assert _me(api, openid.token("first")) == (201, "ada")
    assert _me(api, openid.token("first", sub="f:7:eve@example.org")) == (201, "f:7:eve@example.org")


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        ("openid hpc-gateway:user hpc-gateway:operator", 200),
        (["hpc-gateway:admin"], 200),
        ("hpc-gateway:user", 403),
        ("operator admin", 403),
        ("hpc-gateway:root", 403),
        ([["hpc-gateway:admin"], 7, None], 403),
        ({"hpc-gateway:admin": True}, 403),
        (None, 403),
    ],
)
def test_a_token_reaches_as_far_as_its_scopes(
    api: TestClient, openid: Provider, scope: Any, status: int
) -> None:
    assert api.get("/overview", headers=bearer(openid.token("first", scope=scope))).status_code == status


def test_claims_may_be_configured_as_keycloak_writes_them(
    api: TestClient, openid: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_settings(), "oidc_scope_claim", "resource_access.hpc.roles")
    monkeypatch.setattr(get_settings(), "oidc_scope_prefix", "")
    monkeypatch.setattr(get_settings(), "oidc_owner_claim", "preferred_username")
    roles = {"hpc": {"roles": ["operator"]}}
    good = openid.token("first", preferred_username="lovelace", resource_access=roles)
    assert _me(api, good) == (201, "lovelace")
    assert api.get("/overview", headers=bearer(good)).status_code == 200
    assert _me(api, openid.token("first", preferred_username="x", resource_access=7))[0] == 403


def test_keys_of_both_families_sign(api: TestClient, openid: Provider) -> None:
    openid.publish(rsa=rsa_key(), ec=ec_key())
    assert _me(api, openid.token("ec")) == (201, "ada")
    assert _me(api, openid.token("rsa", sub="eve")) == (201, "eve")


def test_rotated_keys_are_found_and_withdrawn_ones_forgotten(
    api: TestClient, openid: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks, "PAUSE_S", 0.0)
    old = openid.token("first")
    assert _me(api, old) == (201, "ada")
    openid.publish(second=rsa_key())
    assert _me(api, old) == (201, "ada"), "the set is still fresh"
    assert _me(api, openid.token("second")) == (201, "ada")
    assert openid.fetches == 2
    assert _me(api, old) == (401, "the token is signed with a key that is not the provider's")


def test_a_provider_that_is_away_stops_nobody_for_an_hour(
    api: TestClient, openid: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks, "PAUSE_S", 0.0)
    good = openid.token("first")
    assert _me(api, good) == (201, "ada")
    openid.page.status = 500
    monkeypatch.setattr(jwks, "FRESH_S", 0.0)
    assert _me(api, good) == (201, "ada")
    monkeypatch.setattr(jwks, "STALE_S", 0.0)
    answer = api.get("/job", headers=bearer(good))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


@pytest.mark.parametrize(
    "answer", [b"", b"[]", b"{}", b'{"keys": 7}', b"\xff", b"[" * 100_000, b" " * 2_000_000]
)
def test_a_provider_that_answers_nonsense_is_away(api: TestClient, openid: Provider, answer: bytes) -> None:
    openid.page.data = answer
    assert api.get("/job", headers=bearer(openid.token("first"))).status_code == 503
