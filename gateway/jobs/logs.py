"""The logs of a job, stdout and stderr, requested from the cluster's worker."""

from dataclasses import asdict, dataclass

from gateway.models import Job
from gateway.queue import ask_worker
from gateway.queue.waiting_requests import one_more

TASK = "control.log"
LIMIT_BYTES = 256 * 1024


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
    with one_more(caller, "logs"):
        return LogChunk(**ask_worker.request(job.infrastructure, TASK, job_id=str(job.id), **asdict(wanted)))
