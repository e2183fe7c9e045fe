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
