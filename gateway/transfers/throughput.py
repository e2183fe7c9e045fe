"""How fast a transfer is, and when it will end if it goes on like that."""

from datetime import datetime, timedelta

_WEIGHT = 0.3  # of what was seen last


class Throughput:
    """A rate that follows changes within a few looks, without jumping."""

    def __init__(self) -> None:
        self._last: tuple[datetime, int] | None = None
        self._rate: float | None = None

    def look(self, now: datetime, done: int, total: int | None) -> tuple[int | None, datetime | None]:
        """Return the bytes per second and the estimated end; None for what cannot be known yet."""
        if self._last is not None and now > self._last[0]:
            seen = max(0, done - self._last[1]) / (now - self._last[0]).total_seconds()
            self._rate = seen if self._rate is None else _WEIGHT * seen + (1 - _WEIGHT) * self._rate
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
