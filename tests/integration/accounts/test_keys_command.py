"""`hpc-gateway keys` and `serve`: a key is shown once, bad arguments create none, no open door by mistake."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api import server
from gateway.accounts import api_keys as accounts_keys
from gateway.db import session_scope
from gateway.errors import Conflict, Invalid, NotFound
from gateway.models import ApiKey
from gateway.operations.exposure import Exposed
from gateway.settings import get_settings
from hpc_gateway_commands.keys import app

pytestmark = [
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    pytest.mark.usefixtures("database"),
]


def _run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def test_a_key_is_shown_when_it_is_made_and_never_again() -> None:
    made = _run("create", "ada", "--scope", "operator", "--expires", "12h")
    text = made.stdout.strip()
    with session_scope(read_only=True) as session:
        [row] = accounts_keys.authenticate_keys(session, [text])
        assert isinstance(row, ApiKey)
    assert (row.owner, row.scope, row.expires_at is not None) == ("ada", "operator", True)
    for shown in (_run("list").output, _run("list", "--json").output):
        assert row.id in shown
        assert text[21:] not in shown
        assert row.digest not in shown
    [entry] = json.loads(_run("list", "--json").output)
    assert (entry["owner"], entry["revoked_at"]) == ("ada", None)


def test_owners_that_look_like_markup_are_shown_as_they_are() -> None:
    _run("create", "[/red]")
    assert "[/red]" in _run("list").output


@pytest.mark.parametrize(
    "words",
    [
        ("create",),
        ("create", ""),
        ("create", "a\nb"),
        ("create", "x" * 256),
        ("create", "ada", "--scope", "root"),
        ("create", "ada", "--expires", "0d"),
        ("create", "ada", "--expires", "1"),
        ("create", "ada", "--expires", "-1d"),
        ("create", "ada", "--expires", "999999d"),
    ],
)
def test_a_wrong_word_makes_no_key(words: tuple[str, ...]) -> None:
    done = _run(*words)
    assert done.exit_code != 0
    assert isinstance(done.exception, SystemExit | Invalid)
    with session_scope(read_only=True) as session:
        assert accounts_keys.list_keys(session) == []


def test_the_api_is_not_opened_by_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Any] = []
    monkeypatch.setattr("uvicorn.run", lambda *_, **how: served.append(how["host"]))
    monkeypatch.setattr("api.server.configure_logging", lambda: None)  # it is this process's

    def serve(host: str) -> None:
        monkeypatch.setattr("sys.argv", ["api.server", f"--host={host}", "--port=0", "--workers=1"])
        server.main()

    everywhere = "0.0.0.0"  # noqa: S104  nothing listens
    with pytest.raises(Exposed):
        serve(everywhere)
    assert served == []
    for host in ("127.0.0.1", "::1"):
        serve(host)
    monkeypatch.setattr(get_settings(), "auth", "keys")
    serve(everywhere)
    assert served == ["127.0.0.1", "::1", everywhere]


def test_only_a_key_that_works_can_be_revoked() -> None:
    key_id = _run("create", "ada").stdout[4:20]
    assert _run("revoke", key_id).exit_code == 0
    assert isinstance(_run("revoke", key_id).exception, Conflict)
    for other in ("0" * 16, "", "' OR 1=1"):
        assert isinstance(_run("revoke", other).exception, NotFound)
