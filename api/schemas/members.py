"""Bodies of the members of a sweep."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from api.schemas.jobs import JobOutput
from gateway.jobs.folders import output_name
from gateway.left_out import RequestModel
from gateway.models import JobMember
from gateway.states import JobState, is_final

MemberName = Annotated[str, Path(description="As the list of members has it: `0000`, `0001` ...")]


class MembersQuery(RequestModel):
    """The place and the length of a page."""

    model_config = ConfigDict(extra="forbid")

    cursor: Annotated[str, Field(max_length=200)] | None = Field(
        None, description="The `next` of the page before; no other text is one."
    )
    limit: int = Field(100, ge=1, le=1000)
    format: Literal["json", "csv"] = Field("json", description="`csv`: the table of all members.")


class SweepMember(BaseModel):
    """Where a member of a sweep stands."""

    name: str = Field(description="Its number, from `0000` on, as in the keys of its results.")
    params: dict[str, Any] = Field(description="Its own parameters, as they were sent.")
    state: JobState
    success: bool | None
    reason: str
    exit_code: int | None
    scheduler_id: str
    outputs: list[JobOutput] = Field(description="Its result files, once all members have ended.")
    usage: dict[str, Any] | None = Field(description="As of a job, once all members have ended.")
    warnings: list[str]
    started_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, row: JobMember) -> "SweepMember":
        """Return the body of a member."""
        own = {name: getattr(row, name) for name in cls.model_fields if name not in {"name", "success"}}
        success = row.state is JobState.SUCCEEDED if is_final(row.state) else None
        return cls(name=output_name(row), success=success, **own)


class MembersPage(BaseModel):
    """A page of members, in the order of their numbers."""

    items: list[SweepMember]
    next: str | None = Field(description="The `cursor` of the next page; null on the last one.")

    @classmethod
    def of(cls, rows: Sequence[JobMember], cursor: str | None) -> "MembersPage":
        """Return the page of these members."""
        return cls(items=[SweepMember.of(row) for row in rows], next=cursor)
