"""Docstring summaries and public names follow the rule of review in docs/terms.md."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SERVER = ("gateway", "api", "workers", "hpc_gateway_commands", "migrations")
ALONE = ("kernels/hpc_kernels", "client/hpc_gateway_client")
PACKAGES = [ROOT / folder for folder in (*SERVER, *ALONE)]
HARD = re.compile(r"\b(what|who|whoever|nobody|somebody|likewise|such)\b", re.IGNORECASE)
LARGEST_SHARE = 0.03
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


def _modules(package: Path) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(package.rglob("*.py")):
        yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


def _summaries(package: Path) -> Iterator[tuple[str, str]]:
    """Yield the place and the first line of every docstring."""
    for path, module in _modules(package):
        for node in ast.walk(module):
            if isinstance(node, ast.Module | Named) and (text := ast.get_docstring(node)):
                yield f"{path}:{getattr(node, 'lineno', 1)}", text.splitlines()[0]


def _public_names(package: Path) -> dict[str, list[str]]:
    """Return the places of every public top-level function and class, without re-exports."""
    places = defaultdict(list)
    for path, module in _modules(package):
        for node in module.body if path.name != "__init__.py" else ():
            if isinstance(node, Named) and not node.name.startswith("_"):
                places[node.name].append(f"{path}:{node.lineno}")
    return places


def test_summaries_name_things_by_their_terms() -> None:
    summaries = [each for package in PACKAGES for each in _summaries(package)]
    hard = [f"{place}: {line}" for place, line in summaries if HARD.search(line)]
    share = len(hard) / len(summaries)
    assert share < LARGEST_SHARE, f"{share:.1%} of {len(summaries)} summaries:\n" + "\n".join(hard)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_a_public_name_stands_once_in_a_package(package: Path) -> None:
    doubled = {name: at for name, at in _public_names(package).items() if len(at) > 1}
    allowed = ALLOWED.get(package.name, {})
    extra = [f"{name}: {', '.join(at)}" for name, at in doubled.items() if name not in allowed]
    assert not extra, "\n".join(extra)
    assert allowed.keys() - doubled.keys() == set(), "an allowed name no longer stands twice: remove it"
