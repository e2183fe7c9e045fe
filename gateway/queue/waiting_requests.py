"""Bounds of the requests of one caller that wait for a worker: they share threads and a worker process."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakValueDictionary

from gateway.errors import TooMany

MOST_AT_ONCE = 8  # of a caller in each process of the API
MOST_LARGE = 2  # of these, at the worker: the largest previews took it 0.2 to 0.4 s each
PLACE_S = 5.0
_waiting = Counter[str]()
_places = WeakValueDictionary[str, threading.Semaphore]()
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


@contextmanager
def one_large(caller: str, noun: str) -> Iterator[None]:
    """Hold a place for a large request of the caller, once there is one, or raise TooMany."""
    with _lock:
        places = _places.setdefault(caller, threading.Semaphore(MOST_LARGE))
    if not places.acquire(timeout=PLACE_S):
        raise TooMany(f"{MOST_LARGE} requests for {noun} take long already; ask again", retry_after_s=1)
    try:
        yield
    finally:
        places.release()
