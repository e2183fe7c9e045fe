"""The rate limit of each owner's requests, counted in the queue's Redis for all API processes.

The limit protects the service and must not become a cause of failure: without Redis, requests are served.
"""

import logging
import math
import time
from functools import lru_cache

from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis import RedisError

from gateway.errors import TooMany
from gateway.settings import get_settings

WINDOW_S = 10  # a burst may use the requests of this many seconds
REDIS_TIMEOUT_S = 0.25
PAUSE_S = 5.0  # without counting, after Redis has failed
_log = logging.getLogger(__name__)


class RequestCounter:
    """Counts the requests of each owner in a sliding window."""

    def __init__(self, url: str, per_s: float) -> None:
        self._storage = RedisStorage(
            url,
            implementation="redispy",
            socket_timeout=REDIS_TIMEOUT_S,
            socket_connect_timeout=REDIS_TIMEOUT_S,
        )
        self._limiter = SlidingWindowCounterRateLimiter(self._storage)
        self._item = RateLimitItemPerSecond(max(1, math.floor(per_s * WINDOW_S)), WINDOW_S)
        self._per_s = per_s
        self._paused_until = 0.0

    async def close(self) -> None:
        """Close the connections to Redis, which belong to the event loop."""
        await self._storage.bridge.get_connection().aclose()  # type: ignore[attr-defined]  # of its subclass

    async def count(self, owner: str) -> None:
        """Count a request, or raise TooMany."""
        if time.monotonic() < self._paused_until:
            return
        try:
            if await self._limiter.hit(self._item, owner):
                return
            again_at = (await self._limiter.get_window_stats(self._item, owner)).reset_time
        except RedisError as error:
            self._paused_until = time.monotonic() + PAUSE_S
            _log.warning("requests are not counted for %g s: %s", PAUSE_S, type(error).__name__)
            return
        raise TooMany(
            f"more than {self._per_s:g} requests per second (GATEWAY_REQUESTS_PER_S)",
            retry_after_s=max(1.0, again_at - time.time()),
        )


@lru_cache(maxsize=1)
def _request_counter(url: str, per_s: float) -> RequestCounter:
    return RequestCounter(url, per_s)


async def count_request(owner: str) -> None:
    """Count a request of the owner, or raise TooMany; do nothing without a configured limit."""
    settings = get_settings()
    if settings.requests_per_s:
        counter = _request_counter(settings.redis_url.get_secret_value(), settings.requests_per_s)
        await counter.count(owner)


async def stop_counting() -> None:
    """Close the counter of the settings, at the end of the event loop that it was used in."""
    settings = get_settings()
    if settings.requests_per_s:
        await _request_counter(settings.redis_url.get_secret_value(), settings.requests_per_s).close()
    _request_counter.cache_clear()
