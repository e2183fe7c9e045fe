"""A job's stdout and stderr: a question that the API puts to the cluster's worker."""

from dataclasses import asdict, dataclass

from gateway import questions
from gateway.models import Job

TASK = "control.log"
LIMIT_BYTES = 256 * 1024


@dataclass(frozen=True)
class Wanted:
    """Which part of which stream: from `offset` on, or the last `tail` bytes."""

    stream: str
    offset: int
    tail: int | None


@dataclass(frozen=True)
class Piece:
    """A part of a stream as text. Offsets are in bytes."""

    stream: str
    text: str
    offset: int
    next_offset: int
    size: int


def ask(job: Job, wanted: Wanted) -> Piece:
    """Ask the worker of the job's cluster."""
    return Piece(**questions.ask(job.infrastructure, TASK, job_id=str(job.id), **asdict(wanted)))
