"""Look-ups of host names within a time limit, in another thread: none of them can be interrupted."""

import time
from collections.abc import Callable

from gateway.egress import policy
from gateway.egress.policy import AllowList
from gateway.egress.threads import wait_for_thread
from gateway.errors import Fault, StorageUnavailable
from gateway.settings import Settings


def look_up(
    host: str, port: int, settings: Settings, allowed: AllowList, watch: Callable[[], None]
) -> list[str]:
    """Return the allowed addresses of a host; an exception of `watch` meanwhile ends the waiting."""
    end = time.monotonic() + settings.read_timeout_s

    def check() -> None:
        watch()
        if time.monotonic() > end:
            limit = f"{settings.read_timeout_s:g} s"
            raise StorageUnavailable(
                f"the name {host} was not resolved within {limit}; it is tried again", Fault.NETWORK
            )

    return wait_for_thread(lambda: policy.resolve(host, port, *allowed), check)
