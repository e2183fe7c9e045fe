"""Settings that are wrong are refused by name, and their values are not shown."""

from collections.abc import Iterator

import pytest

from gateway.errors import Invalid
from gateway.settings import get_settings

OIDC = {
    "AUTH": "oidc",
    "OIDC_ISSUER": "https://login.example.org",
    "OIDC_AUDIENCE": "hpc-gateway",
    "OIDC_JWKS_URL": "https://login.example.org/certs",
}


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def _set(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"GATEWAY_{name}", value)


def test_openid_is_configured_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, **OIDC)
    assert get_settings().oidc_algorithms == ["RS256", "ES256"]


@pytest.mark.parametrize("name", ["OIDC_ISSUER", "OIDC_AUDIENCE", "OIDC_JWKS_URL"])
def test_what_openid_needs_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    _set(monkeypatch, **{**OIDC, name: ""})
    with pytest.raises(Invalid, match=f"GATEWAY_{name}"):
        get_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AUTH", "s3cret"),
        ("OIDC_JWKS_URL", "http://login.example.org/s3cret"),
        ("OIDC_JWKS_URL", "file:///s3cret"),
        ("OIDC_ALGORITHMS", "HS256"),
        ("OIDC_ALGORITHMS", "none"),
        ("OIDC_ALGORITHMS", ""),
        ("LEASE_S", "s3cret"),
    ],
)
def test_a_wrong_value_is_refused_by_name_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    _set(monkeypatch, **{**OIDC, name: value})
    with pytest.raises(Invalid, match=f"GATEWAY_{name}") as refused:
        get_settings()
    assert "s3cret" not in str(refused.value)
