"""Warnings of a job: printed on stderr, and kept for its report."""

import sys
from collections.abc import Iterable

_MOST = 50
_LONGEST = 500


class Warnings:
    """Warnings of this rank, each text once; beyond a number of them the rest is counted."""

    def __init__(self, *, silent: bool = False) -> None:
        self._texts: dict[str, None] = {}
        self._silent = silent

    def add(self, text: str) -> None:
        """Keep a warning and print it, unless it is known."""
        text = " ".join(text.split())[:_LONGEST]
        if text not in self._texts and not self._silent:
            print(f"warning: {text}", file=sys.stderr)  # noqa: T201
        self._texts[text] = None

    def join(self, texts: Iterable[str]) -> None:
        """Keep the warnings of another rank, which has printed them."""
        self._texts |= dict.fromkeys(texts)

    @property
    def texts(self) -> list[str]:
        """The warnings, in order."""
        kept, more = list(self._texts)[:_MOST], len(self._texts) - _MOST
        return [*kept, f"{more} more warnings are in the log"] if more > 0 else kept
