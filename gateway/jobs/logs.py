"""The logs of a job, stdout and stderr, requested from the cluster's worker."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from gateway.errors import TooMany
from gateway.models import Job
from gateway.queue import ask_worker

TASK = "control.log"
LIMIT_BYTES = 256 * 1024
MOST_AT_ONCE = 8  # requests of an owner in each process of the API: they share threads and a worker process
_waiting = Counter[str]()
_lock = threading.Lock()


@dataclass(frozen=True)
class LogRange:
    """A range of a stream: from `offset` on, or the last `tail` bytes."""

    stream: str
    offset: int
    tail: int | None


@dataclass(frozen=True)
class LogChunk:
    """A part of a stream as text. Offsets are in bytes."""

    stream: str
    text: str
    offset: int
    next_offset: int
    size: int


def request_log(job: Job, wanted: LogRange, caller: str) -> LogChunk:
    """Return a range of the job's log from the worker of its cluster, or raise TooMany."""
    with _one_more(caller):
        return LogChunk(**ask_worker.request(job.infrastructure, TASK, job_id=str(job.id), **asdict(wanted)))


@contextmanager
def _one_more(caller: str) -> Iterator[None]:
    """Count a request of the caller while it waits for its reply."""
    with _lock:
        if _waiting[caller] >= MOST_AT_ONCE:
            raise TooMany(f"{MOST_AT_ONCE} requests for logs wait already; ask again", retry_after_s=1)
        _waiting[caller] += 1
    try:
        yield
    finally:
        with _lock:
            _waiting[caller] -= 1
            if not _waiting[caller]:
                del _waiting[caller]
