"""Pages, filters and events: the bodies of lists."""

import re
from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from api.schemas.fields import Text
from gateway.left_out import RequestModel
from gateway.states import JobState, TransferState, WorkflowState
from gateway.work.listing import Filter

Shown = TypeVar("Shown")


def _to_utc(moment: datetime) -> datetime:
    """Convert a time to UTC; raise ValueError when that is before the year 1 or after 9999."""
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the time is out of range") from error


def _check_form(value: object) -> object:
    """Refuse numbers, which pydantic would read as seconds since 1970; read the plus of a zone in a query."""
    if isinstance(value, str) and _TIME.match(value):
        return _LOST_PLUS.sub(r"\1+\2", value)
    raise ValueError("expected a time of RFC 3339 with its zone, such as 2026-11-22T08:00:00Z")


_LOST_PLUS = re.compile(r"(:\d\d(?:\.\d+)?) (\d\d:\d\d)$")  # a query decodes an unescaped plus as a blank
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:")
Moment = Annotated[AwareDatetime, BeforeValidator(_check_form), AfterValidator(_to_utc)]


class Page(BaseModel, Generic[Shown]):
    """A page of a collection, newest first."""

    items: list[Shown]
    next: str | None = Field(description="The `cursor` of the next page; null on the last one.")
    counts: dict[str, int] | None = Field(
        description="Number of rows that the filter finds, by state; on the first page only."
    )


class _Query(RequestModel):
    model_config = ConfigDict(extra="forbid")

    infrastructure: Text | None = None
    since: Moment | None = Field(None, description="Created at that time or later.")
    until: Moment | None = Field(None, description="Created before that time.")
    reason: Text | None = Field(None, description="Text in the reason, ignoring case.")


class _PageQuery(_Query):
    cursor: Annotated[str, Field(max_length=200)] | None = Field(
        None, description="The `next` of the page before; no other text is one."
    )
    limit: int = Field(100, ge=1, le=1000)


class TransferQuery(_PageQuery):
    """Filter and page of a list of transfers."""

    state: list[TransferState] = Field([], description="One of these; may be repeated.")
    parent: UUID | None = Field(None, description="List the children of this transfer of a prefix.")

    def to_filter(self) -> Filter:
        """Return the filter."""
        return Filter(
            tuple(self.state), self.infrastructure, None, self.since, self.until, self.reason, self.parent
        )


class JobQuery(_PageQuery):
    """Filter and page of a list of jobs."""

    state: list[JobState] = Field([], description="One of these; may be repeated.")
    service: Text | None = None

    def to_filter(self) -> Filter:
        """Return the filter."""
        return Filter(
            tuple(self.state), self.infrastructure, self.service, self.since, self.until, self.reason
        )


class WorkflowQuery(_PageQuery):
    """Filter and page of a list of workflows."""

    state: list[WorkflowState] = Field([], description="One of these; may be repeated.")

    def to_filter(self) -> Filter:
        """Return the filter."""
        return Filter(tuple(self.state), self.infrastructure, None, self.since, self.until, self.reason)


class HistoryEvent(BaseModel):
    """A change of a row's state, or a request that left the state unchanged."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    from_state: str = Field(description="Empty for the first event.")
    to_state: str
    attempt: int
    worker: str
    actor: str = Field(description="The requesting person or client; empty for the gateway itself.")
    reason: str
