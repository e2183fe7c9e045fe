"""Profiles of gateways: defaults of the client's variables, and refusals with the nearest right word."""

import os
from pathlib import Path

import pytest
import typer

from hpc_gateway_client.commands.config import VARIABLES, chosen_profile, use_profile

TWO = """
default = "lab"
[lab]
url = "https://lab.example.org"
token_file = "~/lab.token"
cluster = "excess"
[home]
url = "http://127.0.0.1:8080"
"""


@pytest.fixture(autouse=True)
def _environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", "/home/ada")
    for name in VARIABLES.values():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "environ", os.environ.copy())


def _write(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "hpc-gateway"
    folder.mkdir()
    (folder / "config.toml").write_text(text, encoding="utf-8")


def test_without_a_file_nothing_changes() -> None:
    use_profile(None)
    assert "GATEWAY_URL" not in os.environ


def test_the_default_profile_sets_the_variables_that_are_not_set(tmp_path: Path) -> None:
    _write(tmp_path, TWO)
    os.environ["GATEWAY_CLUSTER"] = "other"
    use_profile(None)
    assert os.environ["GATEWAY_URL"] == "https://lab.example.org"
    assert os.environ["GATEWAY_TOKEN_FILE"] == "/home/ada/lab.token"
    assert os.environ["GATEWAY_CLUSTER"] == "other"
    assert chosen_profile() is None


def test_a_profile_is_chosen_by_its_name(tmp_path: Path) -> None:
    _write(tmp_path, TWO)
    use_profile("home")
    assert os.environ["GATEWAY_URL"] == "http://127.0.0.1:8080"
    assert "GATEWAY_TOKEN_FILE" not in os.environ
    assert chosen_profile() == "home"


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        (TWO, "labb", "did you mean 'lab'"),
        ("", "lab", "there are none"),
        ('[lab]\nurll = "x"', "lab", "did you mean 'url'"),
        ("[lab]\nurl = 3", "lab", "lab.url is no text"),
        ("no toml", "lab", "cannot be read"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, name: str, said: str) -> None:
    _write(tmp_path, text)
    with pytest.raises(typer.BadParameter, match=said):
        use_profile(name)
