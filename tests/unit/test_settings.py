"""Settings from the environment and secret files; an error names the setting and hides its value."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.errors import Invalid
from gateway.settings import get_settings, read_settings

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


def test_a_secret_file_is_a_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GATEWAY_REDIS_URL", raising=False)
    (tmp_path / "gateway_redis_url").write_text("redis://:s3cret@valkey:6379/0\n")
    (tmp_path / "munge_key").write_bytes(b"\xff\x00")  # somebody else's, and no text
    url = read_settings(tmp_path).redis_url
    assert url.get_secret_value() == "redis://:s3cret@valkey:6379/0"
    assert "s3cret" not in repr(url)


def test_the_environment_wins_over_a_secret_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gateway_retries").write_text("3")
    assert read_settings(tmp_path).retries == 3
    _set(monkeypatch, RETRIES="4")
    assert read_settings(tmp_path).retries == 4


def test_a_list_in_a_secret_file_needs_no_json(tmp_path: Path) -> None:
    (tmp_path / "gateway_trusted_proxies").write_text("10.0.0.0/8, 192.0.2.7")
    assert read_settings(tmp_path).trusted_proxies == ["10.0.0.0/8", "192.0.2.7"]


def test_without_the_folder_of_secrets_the_defaults_hold(tmp_path: Path) -> None:
    assert read_settings(tmp_path / "missing").trusted_proxies == []


def test_a_bad_secret_file_is_refused_by_name_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "gateway_retries").write_text("s3cret")
    with pytest.raises(Invalid, match="GATEWAY_RETRIES") as refused:
        read_settings(tmp_path)
    assert "s3cret" not in str(refused.value)
