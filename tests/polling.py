"""Waiting for something to become true, without guessing how long it takes."""

import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")
PERIOD_S = 0.05


def until(
    what: str, look: Callable[[], Result | None], within_s: float = 60.0, period_s: float = PERIOD_S
) -> Result:
    """Look again and again until something true is seen, and return it."""
    deadline = time.monotonic() + within_s
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s:g} s: {what}; last seen {seen!r}")
        time.sleep(period_s)
    return seen
