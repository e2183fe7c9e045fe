"""The limit of failed keys at the console's sign-in: five a minute and address.

Redis counts for all API processes; while it is away, each process counts for itself. A try is counted before
the key is checked and taken back when the key is good, so that tries at the same moment do not pass together.
"""

import logging
import math
import time
from collections.abc import Awaitable, Callable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import TypeVar

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from redis import RedisError

from gateway.accounts.rate_limit import REDIS_TIMEOUT_S
from gateway.errors import TooMany
from gateway.settings import get_settings

MOST_A_MINUTE = 5
_HOSTS_BITS = 64
Result = TypeVar("Result")
_log = logging.getLogger(__name__)


class FailedKeys:
    """Counts the failed keys of each address."""

    def __init__(self, url: str) -> None:
        self._redis = RedisStorage(
            url,
            implementation="redispy",
            socket_timeout=REDIS_TIMEOUT_S,
            socket_connect_timeout=REDIS_TIMEOUT_S,
        )
        shared, own = FixedWindowRateLimiter(self._redis), FixedWindowRateLimiter(MemoryStorage())
        self._limiters = shared, own
        self._item = RateLimitItemPerMinute(MOST_A_MINUTE, namespace="console-keys")

    async def close(self) -> None:
        """Close the connections to Redis, which belong to the event loop."""
        await self._redis.bridge.get_connection().aclose()  # type: ignore[attr-defined]  # of its subclass

    async def count_try(self, address: str) -> None:
        """Count a try, or raise TooMany."""
        counted = counted_as(address)
        if await self._ask(lambda limiter: limiter.hit(self._item, counted)):
            return
        stats = await self._ask(lambda limiter: limiter.get_window_stats(self._item, counted))
        wait_s = max(1, math.ceil(stats.reset_time - time.time()))
        raise TooMany(
            f"{MOST_A_MINUTE} keys from this address were wrong within a minute: try again in {wait_s} s",
            retry_after_s=wait_s,
        )

    async def take_back(self, address: str) -> None:
        """Take back a try whose key was good."""
        await self._ask(lambda limiter: limiter.hit(self._item, counted_as(address), cost=-1))

    async def _ask(self, question: Callable[[FixedWindowRateLimiter], Awaitable[Result]]) -> Result:
        shared, own = self._limiters
        try:
            return await question(shared)
        except RedisError as error:
            _log.warning("failed keys are counted by this process alone: %s", type(error).__name__)
            return await question(own)


def counted_as(address: str) -> str:
    """Return the address by which tries are counted: of IPv6 the network of 64 bits, which one host has."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or IPv6Network((parsed, _HOSTS_BITS), strict=False))


@lru_cache(maxsize=1)
def failed_keys(url: str) -> FailedKeys:
    """Return the counter of the process."""
    return FailedKeys(url)


async def stop_counting_failed_keys() -> None:
    """Close the counter at the end of the event loop that it was used in."""
    if failed_keys.cache_info().currsize:
        await failed_keys(get_settings().redis_url.get_secret_value()).close()
        failed_keys.cache_clear()
