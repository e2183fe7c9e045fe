"""The documents say what the code does."""

import re
from pathlib import Path

import pytest

from tests.params_table import table
from tests.settings_page import page

ROOT = Path(__file__).parents[3]
PAGES = ["README.md", "SECURITY.md", *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md"))]


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_gate_runs_the_readmes_test_command() -> None:
    command = next(line for line in _text("README.md").splitlines() if line.endswith(".venv/bin/pytest -n 3"))
    install, test = command.rsplit(" && ", 1)
    gate = _text(".ci/run").splitlines()
    assert install in gate
    assert f"tests=({test})" in gate  # what fails is tried once more


def test_the_page_of_the_settings_is_up_to_date() -> None:
    assert _text("docs/settings.md") == page()


def test_the_table_of_a_jobs_parameters_is_up_to_date() -> None:
    assert _text("docs/rest.md").endswith(table())


def test_the_files_that_the_readme_names_exist() -> None:
    names = re.findall(r"\]\((docs/[^)]+)\)", _text("README.md"))
    assert names
    assert [name for name in names if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page_name", PAGES)
def test_the_python_files_that_a_page_names_exist(page_name: str) -> None:
    named = set(re.findall(r"[\w./-]+/[\w.-]+\.py\b", _text(page_name)))
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


def test_the_test_files_that_pages_name_exist() -> None:
    named = {name for page_name in PAGES for name in re.findall(r"\btest_\w+\.py\b", _text(page_name))}
    there = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert named
    assert named - there == set()
