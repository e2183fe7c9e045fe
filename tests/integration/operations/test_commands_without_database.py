"""The operator's commands on a database that cannot be used: one line with a remedy, and no new file."""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.db import get_engine, make_engine
from gateway.settings import get_settings
from hpc_gateway_client.commands import main
from migrations import upgrade
from tests.postgres import create_database

COMMANDS = [
    ("keys", "create", "ada"),
    ("keys", "list"),
    ("keys", "revoke", "0" * 16),
    ("prune", "--older-than", "30d"),
    ("prune", "--older-than", "30d", "--yes"),
    ("credentials", "reencrypt"),
    ("doctor", "nowhere"),
    ("infrastructure", "prepare", "nowhere"),
]
MIGRATE = ("migrate",)
Run = Callable[..., str]


def _forget() -> None:
    if get_engine.cache_info().currsize:
        get_engine().dispose()
    get_settings.cache_clear()
    get_engine.cache_clear()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Return a function that runs a command that must fail, and returns the one line that it says."""

    def fail(url: str, words: tuple[str, ...]) -> str:
        monkeypatch.setenv("GATEWAY_DATABASE_URL", url)
        monkeypatch.setattr(sys, "argv", ["hpc-gateway", *words])
        _forget()
        with pytest.raises(SystemExit) as end:
            main()
        _forget()
        out, err = capsys.readouterr()
        assert (end.value.code, out) == (1, ""), err
        [line] = err.splitlines()
        return line

    monkeypatch.chdir(tmp_path)
    yield fail
    _forget()


def _names(words: tuple[str, ...]) -> str:
    return "-".join(words)


@pytest.mark.parametrize("words", COMMANDS, ids=_names)
def test_an_absent_database_is_named_and_not_made(run: Run, tmp_path: Path, words: tuple[str, ...]) -> None:
    for url in ("sqlite:///gateway.db", f"sqlite:///file:{tmp_path}/gateway.db?uri=true"):
        line = run(url, words)
        assert f"no database {tmp_path}/gateway.db" in line
        assert "`hpc-gateway migrate`" in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", COMMANDS, ids=_names)
def test_a_database_without_tables_is_to_be_migrated(
    run: Run, tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "gateway.db").touch()
    line = run("sqlite:///gateway.db", words)
    assert "has no tables: `hpc-gateway migrate`" in line


@pytest.mark.parametrize("words", COMMANDS, ids=_names)
def test_an_older_database_is_to_be_migrated(run: Run, tmp_path: Path, words: tuple[str, ...]) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/gateway.db")
    upgrade(engine, "faults")
    engine.dispose()
    line = run("sqlite:///gateway.db", words)
    assert "is of version faults, this program needs" in line
    assert "`hpc-gateway migrate`" in line


@pytest.mark.parametrize("words", [*COMMANDS, MIGRATE], ids=_names)
def test_a_newer_database_is_left_alone(
    run: Run, tmp_path: Path, newest_sqlite: Path, words: tuple[str, ...]
) -> None:
    shutil.copyfile(newest_sqlite, tmp_path / "gateway.db")
    engine = make_engine(f"sqlite:///{tmp_path}/gateway.db")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'of_tomorrow'")
    engine.dispose()
    line = run("sqlite:///gateway.db", words)
    assert "of_tomorrow, which this program does not know" in line


def test_a_database_that_cannot_be_written_says_so(run: Run, tmp_path: Path, newest_sqlite: Path) -> None:
    shutil.copyfile(newest_sqlite, tmp_path / "gateway.db")
    line = run(f"sqlite:///file:{tmp_path}/gateway.db?mode=ro&uri=true", ("keys", "create", "ada"))
    assert f"{tmp_path}/gateway.db does not work: attempt to write a readonly database" in line


@pytest.mark.parametrize("words", [*COMMANDS, MIGRATE], ids=_names)
@pytest.mark.parametrize("kind", ["a text", "a folder", "no folder"])
def test_a_file_that_is_no_database_says_so(
    run: Run, tmp_path: Path, words: tuple[str, ...], kind: str
) -> None:
    path = tmp_path / "gateway.db"
    if kind == "a text":
        path.write_text("no database, but longer than the hundred bytes of a header\n" * 10)
    elif kind == "a folder":
        path.mkdir()
    else:
        path = tmp_path / "missing/gateway.db"
    line = run(f"sqlite:///{path}", words)
    assert str(path) in line


@pytest.mark.parametrize("words", [*COMMANDS, MIGRATE], ids=_names)
@pytest.mark.parametrize(
    "url",
    ["nonsense", "", "oracle://u:secret@h/d", "foo://u:secret@h"],
)
def test_a_url_of_another_kind_is_answered_with_examples(run: Run, words: tuple[str, ...], url: str) -> None:
    line = run(url, words)
    assert "GATEWAY_DATABASE_URL is not like sqlite:///" in line
    assert "secret" not in line


@pytest.mark.parametrize("words", [*COMMANDS, MIGRATE], ids=_names)
def test_a_server_that_does_not_answer_is_named_without_its_password(
    run: Run, words: tuple[str, ...]
) -> None:
    line = run("postgresql+psycopg://ada:secret@127.0.0.1:1/gateway", words)
    assert "gateway on 127.0.0.1 does not work" in line
    assert "refused" in line
    assert "secret" not in line


def test_a_missing_and_an_empty_database_of_a_server(run: Run, postgres_url: str) -> None:
    line = run(postgres_url.replace("/postgres", "/nowhere"), ("keys", "list"))
    assert "nowhere" in line
    assert "does not exist" in line
    empty = create_database(postgres_url, "empty_for_commands")
    assert "has no tables" in run(empty, ("prune", "--older-than", "30d"))


def test_a_version_that_does_not_exist_makes_no_database(run: Run, tmp_path: Path) -> None:
    assert "no version 'of_tomorrow'" in run("sqlite:///gateway.db", ("migrate", "of_tomorrow"))
    assert list(tmp_path.iterdir()) == []
