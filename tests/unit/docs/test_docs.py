"""The documents say what the code does."""

import re
from pathlib import Path

from tests.settings_page import page

ROOT = Path(__file__).parents[3]


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_gate_runs_the_readmes_test_command() -> None:
    command = next(line for line in _text("README.md").splitlines() if line.endswith(".venv/bin/pytest -n 2"))
    install, test = command.rsplit(" && ", 1)
    gate = _text(".ci/run").splitlines()
    assert install in gate
    assert f"tests {test}" in gate  # its function, which tries what fails once more


def test_the_page_of_the_settings_is_up_to_date() -> None:
    assert _text("docs/settings.md") == page()


def test_the_files_that_the_readme_names_exist() -> None:
    names = re.findall(r"\]\((docs/[^)]+)\)", _text("README.md"))
    assert names
    assert [name for name in names if not (ROOT / name).exists()] == []
