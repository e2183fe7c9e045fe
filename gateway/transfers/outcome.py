"""The outcome of a transfer that has succeeded."""

from collections.abc import Sequence
from typing import NamedTuple


class Outcome(NamedTuple):
    """The outcome of a success: how the bytes were verified, and the warnings for the user."""

    verification: str = ""
    warnings: Sequence[str] = ()


NO_OUTCOME = Outcome()
