"""Bound of the requests of one caller that wait for a worker: they share threads and a worker process."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.errors import TooMany

MOST_AT_ONCE = 8  # of a caller in each process of the API
_waiting = Counter[str]()
_lock = threading.Lock()


@contextmanager
def one_more(caller: str, noun: str) -> Iterator[None]:
    """Count a request of the caller while it waits for its reply, or raise TooMany."""
    with _lock:
        if _waiting[caller] >= MOST_AT_ONCE:
            raise TooMany(f"{MOST_AT_ONCE} requests for {noun} wait already; ask again", retry_after_s=1)
        _waiting[caller] += 1
    try:
        yield
    finally:
        with _lock:
            _waiting[caller] -= 1
            if not _waiting[caller]:
                del _waiting[caller]
