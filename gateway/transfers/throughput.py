"""The throughput of a transfer: a smoothed rate, and the end that the transfer has at that rate."""

from datetime import datetime, timedelta

_WEIGHT = 0.3  # of the latest measurement
_SHORTEST_S = 0.1


class Throughput:
    """A rate that follows changes within a few measurements, without jumping.

    It starts empty, or with a rate and the moment and bytes of the measurement before.
    """

    def __init__(self, rate: float | None = None, last: tuple[datetime, int] | None = None) -> None:
        self._rate, self._last = rate, last

    def measure(self, now: datetime, done: int, total: int | None) -> tuple[int | None, datetime | None]:
        """Return the bytes per second and the estimated end, each None while it is unknown."""
        if self._last is not None and now > self._last[0]:
            passed_s = max((now - self._last[0]).total_seconds(), _SHORTEST_S)
            latest = max(0, done - self._last[1]) / passed_s
            self._rate = latest if self._rate is None else _WEIGHT * latest + (1 - _WEIGHT) * self._rate
        self._last = (now, done)
        rate = None if self._rate is None else round(self._rate)
        return rate, self._end(now, done, total)

    def _end(self, now: datetime, done: int, total: int | None) -> datetime | None:
        if not self._rate or total is None:
            return None
        try:
            return now + timedelta(seconds=(total - done) / self._rate)
        except OverflowError:
            return None
