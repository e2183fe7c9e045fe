"""Bandit finds what SECURITY.md answers, and nothing else."""

import json
import re
import subprocess
import sys
from itertools import product
from pathlib import Path

ROOT = Path(__file__).parents[3]


def _command() -> list[str]:
    """Return the command that the page names."""
    found = re.search(r"^bandit .*$", (ROOT / "SECURITY.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    return found[0].split()


def _answered() -> set[tuple[str, str]]:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| B")]
    told = [(re.findall(r"B\d{3}", row[1]), re.findall(r"`([^`]+)`", row[2])) for row in rows]
    return {pair for findings, files in told for pair in product(findings, files)}


def test_every_finding_of_bandit_is_answered() -> None:
    argv = [sys.executable, "-m", *_command(), "--format", "json"]
    ran = subprocess.run(argv, cwd=ROOT, capture_output=True, check=False, timeout=120)
    told = json.loads(ran.stdout)
    assert told["errors"] == []
    assert {(finding["test_id"], finding["filename"]) for finding in told["results"]} == _answered()


def _named_tests() -> list[tuple[Path, str]]:
    """Return the files, and the tests in them, that show the promises; a bare name is beside the last."""
    named, path = list[tuple[Path, str]](), ROOT
    for line in (ROOT / "SECURITY.md").read_text(encoding="utf-8").splitlines():
        cells = line.split("|")
        for word in re.findall(r"`((?:tests/|test_)[^`]+)`", cells[-2]) if len(cells) > 2 else ():
            name = ""
            if word.endswith(".py"):
                path = ROOT / word if word.startswith("tests/") else path.with_name(word)
            else:
                name = word
            named.append((path, name))
    return named


def test_every_promise_names_tests_that_exist() -> None:
    named = _named_tests()
    assert len(named) > 50
    for path, name in named:
        start = name.removesuffix("…")
        end = "" if start != name else r"\("
        assert re.search(rf"def {start}{end}", path.read_text(encoding="utf-8")) if name else path.exists()
