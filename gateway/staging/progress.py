"""Who watches a transfer: the one who wants to know how far it is, and the clock."""

import time
from typing import Protocol

from gateway.errors import StorageUnavailable


class Progress(Protocol):
    """Who wants to know how far a transfer is. Any call may raise Cancelled or ClaimLost to stop it."""

    def expect(self, total_bytes: int) -> None:
        """Learn how many bytes will be moved."""

    def advance(self, done_bytes: int) -> None:
        """Learn how many bytes have been moved so far; called often, by one thread at a time."""


class Deadline:
    """The longest that one try may take."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def check(self) -> None:
        """Raise StorageUnavailable when the time is over."""
        if time.monotonic() > self._end:
            raise StorageUnavailable(
                f"not finished after {self._seconds:g} s; it goes on where it is in another try"
            )
