"""Values that are loaded again only after a period."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Periodic(Generic[Value]):
    """A value that is loaded when it is needed and older than its period; a failed load leaves none."""

    def __init__(self, load: Callable[[], Value], period_s: float) -> None:
        self._load, self._period_s = load, period_s
        self._loaded: tuple[float, Value] | None = None

    def get(self) -> Value:
        """Return the value, loaded at most a period ago."""
        if self._loaded is None or time.monotonic() - self._loaded[0] > self._period_s:
            self._loaded = None
            self._loaded = (time.monotonic(), self._load())
        return self._loaded[1]
