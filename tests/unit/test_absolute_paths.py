"""Relative paths of settings are made absolute: every field with a path, and the files in URLs."""

import os
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine, make_url

from gateway.absolute_paths import absolute_url
from gateway.settings import Settings, read_settings

OTHER_FOLDER = "/"


def _mentions_path(annotation: Any) -> bool:
    return annotation is Path or any(map(_mentions_path, get_args(annotation)))


PATHS = [name for name, field in Settings.model_fields.items() if _mentions_path(field.annotation)]
URLS = [
    name
    for name, field in Settings.model_fields.items()
    if field.annotation is SecretStr and "://" in field.get_default().get_secret_value()
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_fields_with_paths_are_found() -> None:
    assert {"infrastructures", "credentials_key_file", "ca_bundle"} <= set(PATHS)
    assert {"database_url", "redis_url"} <= set(URLS)


@pytest.mark.parametrize("name", PATHS)
def test_every_path_is_one_from_the_folder_of_the_call(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"GATEWAY_{name.upper()}", "below/a file")
    settings = read_settings()
    monkeypatch.chdir(OTHER_FOLDER)
    assert getattr(settings, name) == folder / "below" / "a file"


@pytest.mark.parametrize("name", PATHS)
def test_a_default_is_absolute_as_well(name: str, folder: Path) -> None:
    value = getattr(read_settings(), name)
    assert value is None or value.is_relative_to(folder)


@pytest.mark.parametrize("name", URLS)
def test_every_url_is_rewritten(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"GATEWAY_{name.upper()}", "scheme://host/0?ssl_ca_certs=ca.pem")
    value = getattr(read_settings(), name).get_secret_value()
    assert value == f"scheme://host/0?ssl_ca_certs={folder}/ca.pem"


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///gateway.db",
        "sqlite:///./gateway.db",
        "sqlite:///below/gate way.db",
        "sqlite:///../gateway.db",
        "sqlite+pysqlite:///gateway.db?timeout=3",
        "sqlite:////absolute/gateway.db",
    ],
)
def test_sqlite_opens_the_same_file_from_any_folder(
    url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = os.path.realpath(folder / str(make_url(url).database))
    changed = absolute_url(url)
    monkeypatch.chdir(OTHER_FOLDER)
    assert os.path.realpath(str(make_url(changed).database)) == expected
    assert make_url(changed).query == make_url(url).query
    create_engine(changed).dispose()


def test_sqlite_by_uri_opens_the_same_file(folder: Path) -> None:
    changed = make_url(absolute_url("sqlite:///file:gateway.db?mode=ro&uri=true"))
    assert changed.database == f"file:{folder}/gateway.db"


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file::memory:?uri=true",
        "sqlite:///file:/absolute?uri=true",
        "postgresql+psycopg://user:a%2Fb?c@host/gateway",
        "postgresql+psycopg://user@host/gateway?sslmode=verify-full&sslrootcert=system",
        "postgresql+psycopg://user@host/gateway?sslrootcert=/etc/ca.pem",
        "redis://:s3cret@127.0.0.1:6379/0",
        "no URL",
        "",
    ],
)
def test_other_urls_stay(url: str) -> None:
    assert absolute_url(url) == url


@pytest.mark.parametrize("name", ["sslrootcert", "sslcert", "sslkey", "passfile", "ssl_keyfile"])
def test_a_file_in_a_query_is_absolute(name: str, folder: Path) -> None:
    url = absolute_url(f"postgresql://u@h/d?a=b&{name}=our%20keys/one.pem&c=d")
    assert make_url(url).query == {"a": "b", name: f"{folder}/our keys/one.pem", "c": "d"}


def test_a_folder_that_no_url_can_name_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "why?").mkdir()
    monkeypatch.chdir(folder / "why?")
    with pytest.raises(ValueError, match="another folder"):
        absolute_url("sqlite:///gateway.db")
