"""A job's stdout and stderr: a question that the API puts to the cluster's worker."""

from dataclasses import asdict, dataclass

from gateway.models import Job
from gateway.queue import ask_worker

TASK = "control.log"
LIMIT_BYTES = 256 * 1024


@dataclass(frozen=True)
class LogRange:
    """Which part of which stream: from `offset` on, or the last `tail` bytes."""

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


def request_log(job: Job, wanted: LogRange) -> LogChunk:
    """Ask the worker of the job's cluster."""
    return LogChunk(**ask_worker.request(job.infrastructure, TASK, job_id=str(job.id), **asdict(wanted)))
