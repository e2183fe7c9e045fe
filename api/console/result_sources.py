"""The job or the member of a sweep that a result is of: where its page is, and how it is called."""

from typing import Annotated, NamedTuple
from uuid import UUID

from fastapi import Path

Number = Annotated[str, Path(pattern="^[0-9]{4}$")]
"""The name of a member, as its folder has it."""


class ResultSource(NamedTuple):
    """The page of a job or a member as a path below `/console/work`, and its words."""

    path: str
    noun: str
    name: str


def job_source(job_id: UUID) -> ResultSource:
    """Return the source of a result of a job."""
    return ResultSource(f"job/{job_id}", "Job", str(job_id))


def member_source(run_id: UUID, number: str) -> ResultSource:
    """Return the source of a result of a member of the run's sweep."""
    return ResultSource(f"workflow/{run_id}/members/{number}", "Member", number)
