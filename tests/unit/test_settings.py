"""Settings from the environment and secret files; an error names the setting and hides its value."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import settings as module
from gateway.errors import Invalid
from gateway.settings import adopt_settings, dump_settings, get_settings, read_settings

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


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("GATEWAY_RETRIES=3\n")
    return tmp_path / ".env"


def test_a_file_of_lines_is_not_read_by_its_name_alone(
    env_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert read_settings().retries == 5
    assert caplog.messages == [f"{env_file} is not read; set GATEWAY_ENV_FILE={env_file} to read it"]


@pytest.mark.parametrize("named", [".env", "../{folder}/.env"])
def test_a_file_of_lines_is_read_where_it_is_named(
    env_file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, named: str
) -> None:
    monkeypatch.setenv("GATEWAY_ENV_FILE", named.format(folder=env_file.parent.name))
    assert read_settings().retries == 3
    assert caplog.messages == []
    _set(monkeypatch, RETRIES="4")
    assert read_settings().retries == 4


@pytest.mark.parametrize("named", ["missing.env", "."])
def test_a_named_file_that_is_none_is_an_error(
    env_file: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.setenv("GATEWAY_ENV_FILE", named)
    with pytest.raises(Invalid, match="GATEWAY_ENV_FILE"):
        read_settings()


def test_adopted_settings_are_those_of_the_launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _set(monkeypatch, CREDENTIALS_KEY="s3cret", RETRIES_BY_KIND="job=2", ALLOWED_ENDPOINTS="a b", **OIDC)
    given = get_settings()
    monkeypatch.setattr(module, "_adopted", {})
    monkeypatch.chdir("/")
    _set(monkeypatch, CREDENTIALS_KEY="another", RETRIES_BY_KIND="data=7", LEASE_S="7")
    adopt_settings(dump_settings(given))
    assert get_settings() == given
    assert get_settings().credentials_key == given.credentials_key
