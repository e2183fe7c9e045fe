"""Deadlines of the waits for a server: its silence, its first line, and the least rate of its bytes.

Only time that is spent waiting for the server counts.
"""

import time
from collections.abc import Callable
from typing import Protocol

from gateway.egress.bounds import UPLOAD_END_S
from gateway.egress.errors import silent_server, slow_server, unanswering_server
from gateway.settings import Settings


def within(longest_s: float, watch: Callable[[], None], server: str) -> Callable[[], None]:
    """Return a watch of one or many requests that also ends them after that time, from now on."""
    end = time.monotonic() + longest_s

    def watch_until_end() -> None:
        watch()
        if time.monotonic() > end:
            raise unanswering_server(server, longest_s)

    return watch_until_end


class Exchange(Protocol):
    """A request and its answer, as far as they have come."""

    @property
    def is_connected(self) -> bool:
        """Whether the request can be sent."""

    @property
    def is_sent(self) -> bool:
        """Whether all of the request has been sent."""

    @property
    def is_answered(self) -> bool:
        """Whether the first line of the final answer has come."""

    @property
    def moved_bytes(self) -> int:
        """The bytes of both that have passed."""


class LeastRate:
    """The bytes that a server has to move in each window of waiting for it."""

    def __init__(self, server: str, settings: Settings) -> None:
        self._server, self._window_s = server, settings.least_rate_window_s
        self._least_bytes = settings.least_rate_bytes_per_s * self._window_s
        self.restart()

    def restart(self, moved_bytes: int = 0) -> None:
        """Begin a new window."""
        self._waited_s, self._before = 0.0, moved_bytes

    def count(self, waited_s: float, count_moved: Callable[[], int]) -> None:
        """Count a wait, and raise StorageSlow at the end of a window with too few bytes."""
        self._waited_s += waited_s
        if self._waited_s < self._window_s:
            return
        moved = count_moved()
        if moved - self._before < self._least_bytes:
            raise slow_server(self._server, moved - self._before, self._window_s)
        self.restart(moved)


class Patience:
    """The waits of the request that a connection carries."""

    def __init__(self, server: str, settings: Settings) -> None:
        self._server, self._longest_s = server, settings.read_timeout_s
        self._rate = LeastRate(server, settings)

    def begin(self, *, is_patient: bool) -> None:
        """Begin to count for a new request."""
        self._is_patient, self._is_connected = is_patient, False
        self._silent_s = self._unanswered_s = self._all_s = 0.0
        self._rate.restart()

    def count(self, waited_s: float, exchange: Exchange, *, is_ready: bool) -> None:
        """Count a wait, and raise StorageUnavailable when there were too many of a kind."""
        self._is_connected = self._is_connected or exchange.is_connected
        if not self._is_connected:
            return
        self._silent_s = 0.0 if is_ready else self._silent_s + waited_s
        if self._silent_s > self._longest_s:
            raise silent_server(self._server)
        if not exchange.is_answered and exchange.is_sent:
            self._count_unanswered(waited_s)
        elif self._is_patient:
            self._count_patiently(waited_s)
        else:
            self._rate.count(waited_s, lambda: exchange.moved_bytes)

    def _count_unanswered(self, waited_s: float) -> None:
        """Count the wait for the first line, which may be sent byte by byte without a silence."""
        self._unanswered_s += waited_s
        if self._unanswered_s > self._longest_s:
            raise unanswering_server(self._server, self._longest_s)

    def _count_patiently(self, waited_s: float) -> None:
        self._all_s += waited_s
        if self._all_s > UPLOAD_END_S:
            raise unanswering_server(self._server, UPLOAD_END_S)
