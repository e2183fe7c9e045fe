"""The page of limits names every bound on the answers of servers, with its value."""

import re
from pathlib import Path

from gateway.egress import bounds

PAGE = (Path(__file__).parents[3] / "docs/limits.md").read_text(encoding="utf-8")
NAMED = {name: value for name, value in vars(bounds).items() if name.isupper()}


def test_every_bound_stands_on_the_page() -> None:
    missing = [name for name in NAMED if f"`{name}`" not in PAGE]
    assert not missing


def test_the_values_on_the_page_are_those_of_the_code() -> None:
    told = re.findall(r"`([A-Z_]+)` ([0-9]+)", PAGE)
    assert len(told) > 15
    wrong = {name: value for name, value in told if name in NAMED and int(value) != NAMED[name]}
    assert not wrong
