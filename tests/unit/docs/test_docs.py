"""The documents say what the code does."""

import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

from tests.params_table import table
from tests.settings_page import page

ROOT = Path(__file__).parents[3]
SOURCES = ("api", "client", "gateway", "hpc_gateway_commands", "kernels", "migrations", "tests", "workers")
DECISIONS = sorted(f"docs/decisions/{page.name}" for page in (ROOT / "docs/decisions").glob("*.md"))
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


def test_the_table_of_layers_has_every_part_of_the_gateway() -> None:
    project = tomllib.loads(_text("pyproject.toml"))
    layers = next(
        each
        for each in project["tool"]["importlinter"]["contracts"]
        if each["name"].startswith("layers of g")
    )
    parts = {part.strip() for layer in layers["layers"] for part in layer.split("|")}
    page = _text("docs/architecture.md")
    assert [part for part in sorted(parts) if f"`{part}/`" not in page and f"`{part}.py`" not in page] == []


def _anchors(name: str) -> set[str]:
    """Return the anchors of a page, and of its headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", _text(name), re.MULTILINE)
    return {*re.findall(r'<a id="([^"]+)">', _text(name))} | {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings
    }


@pytest.mark.parametrize("page_name", [*PAGES, *DECISIONS, "client/README.md", "kernels/README.md"])
def test_the_links_of_a_page_lead_to_pages_and_headings(page_name: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)\s#]*)(?:#([^)\s]+))?\)", _text(page_name))
    here = (ROOT / page_name).parent
    targets = [(here / file if file else ROOT / page_name, anchor) for file, anchor in links]
    assert [str(target) for target, _ in targets if not target.exists()] == []
    anchored = [(str(target.resolve().relative_to(ROOT)), anchor) for target, anchor in targets if anchor]
    assert [each for each in anchored if each[1] not in _anchors(each[0])] == []


@pytest.mark.parametrize("page_name", DECISIONS)
def test_the_page_of_a_decision_is_short(page_name: str) -> None:
    lines = _text(page_name).splitlines()
    assert lines[0].startswith("# ")
    assert len(lines) <= 40


@cache
def _sources() -> set[str]:
    return {f"/{path.relative_to(ROOT)}" for folder in SOURCES for path in (ROOT / folder).rglob("*.py")}


@pytest.mark.parametrize("page_name", [*PAGES, *DECISIONS])
def test_the_python_files_that_a_page_names_exist(page_name: str) -> None:
    named = set(re.findall(r"[\w./-]+/[\w.-]+\.py\b", _text(page_name)))
    assert [name for name in sorted(named) if not any(path.endswith(f"/{name}") for path in _sources())] == []


def test_the_test_files_that_pages_name_exist() -> None:
    named = {name for page_name in PAGES for name in re.findall(r"\btest_\w+\.py\b", _text(page_name))}
    there = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert named
    assert named - there == set()
