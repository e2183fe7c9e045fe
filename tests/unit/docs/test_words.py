"""Docstring summaries, sentences for users and public names follow the rule of review in docs/terms.md."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SERVER = ("gateway", "api", "workers", "hpc_gateway_commands", "migrations")
ALONE = ("kernels/hpc_kernels", "client/hpc_gateway_client")
PACKAGES = [ROOT / folder for folder in (*SERVER, *ALONE)]
HARD = re.compile(r"\b(what|who|whoever|nobody|somebody|likewise|such(?! as))\b", re.IGNORECASE)
LARGEST_SHARE = 0.03
LARGEST_SHARE_OF_TEXTS = 0.01  # of sentences that users read
# Public names that may stand twice in a package, each with its reason.
ALLOWED = {
    "gateway": {
        "cancel": "a use case of transfers.lifecycle and of jobs.lifecycle",
        "draft": "a use case of transfers.lifecycle and of jobs.lifecycle",
        "get": "a use case of transfers.lifecycle and of jobs.lifecycle",
    },
    "workers": {"run": "Celery tasks are named by their module: transfers.run"},
    "migrations": {
        "downgrade": "Alembic calls it in each version",
        "upgrade": "Alembic calls it in each version",
    },
}
Named = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@cache
def _modules(package: Path) -> list[tuple[Path, ast.Module]]:
    paths = sorted(package.rglob("*.py"))
    return [(path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))) for path in paths]


@cache
def _nodes(package: Path) -> list[tuple[Path, list[ast.AST]]]:
    return [(path, list(ast.walk(module))) for path, module in _modules(package)]


def _summaries(package: Path) -> Iterator[tuple[str, str]]:
    """Yield the place and the first line of every docstring."""
    for path, nodes in _nodes(package):
        for node in nodes:
            if isinstance(node, ast.Module | Named) and (text := ast.get_docstring(node)):
                yield f"{path}:{getattr(node, 'lineno', 1)}", text.splitlines()[0]


def _texts(package: Path) -> Iterator[tuple[str, str]]:
    """Yield the place and the content of every text that is no docstring: errors, help, descriptions."""
    for path, nodes in _nodes(package):
        docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        for node in nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                yield f"{path}:{node.lineno}", node.value


def _lines(page: Path) -> Iterator[tuple[str, str]]:
    """Yield the place and the words of every line outside of code."""
    text = re.sub(r"`[^`\n]+`", "", page.read_text(encoding="utf-8"))
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield f"{page.relative_to(ROOT)}:{number}", line


def _check_share(sentences: list[tuple[str, str]], largest: float) -> None:
    hard = [f"{place}: {line}" for place, line in sentences if HARD.search(line)]
    share = len(hard) / len(sentences)
    assert share < largest, f"{share:.1%} of {len(sentences)}:\n" + "\n".join(hard)


def _public_names(package: Path) -> dict[str, list[str]]:
    """Return the places of every public top-level function and class, without re-exports."""
    places = defaultdict(list)
    for path, module in _modules(package):
        for node in module.body if path.name != "__init__.py" else ():
            if isinstance(node, Named) and not node.name.startswith("_"):
                places[node.name].append(f"{path}:{node.lineno}")
    return places


def test_summaries_name_things_by_their_terms() -> None:
    _check_share([each for package in PACKAGES for each in _summaries(package)], LARGEST_SHARE)


def test_sentences_for_users_follow_the_rule() -> None:
    texts = [each for package in PACKAGES for each in _texts(package) if " " in each[1].strip()]
    _check_share(texts, LARGEST_SHARE_OF_TEXTS)


def test_sentences_of_pages_follow_the_rule() -> None:
    pages = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
    _check_share([each for page in pages for each in _lines(page)], LARGEST_SHARE_OF_TEXTS)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_a_public_name_stands_once_in_a_package(package: Path) -> None:
    doubled = {name: at for name, at in _public_names(package).items() if len(at) > 1}
    allowed = ALLOWED.get(package.name, {})
    extra = [f"{name}: {', '.join(at)}" for name, at in doubled.items() if name not in allowed]
    assert not extra, "\n".join(extra)
    assert allowed.keys() - doubled.keys() == set(), "an allowed name no longer stands twice: remove it"
