"""Pages, filters and events: the bodies of lists."""

from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from api.schemas.fields import Text
from gateway.models import Event
from gateway.states import JobState, TransferState
from gateway.work.listing import Filter

Shown = TypeVar("Shown")


def _in_utc(moment: datetime) -> datetime:
    """Refuse a time that has no counterpart in UTC, at the very ends of the calendar."""
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the time is out of range") from error


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class Page(BaseModel, Generic[Shown]):
    """A page of a collection, newest first."""

    items: list[Shown]
    next: str | None = Field(description="The `cursor` of the next page; null on the last one.")
    counts: dict[str, int] | None = Field(
        description="How many the filter finds, by state; null on every page but the first."
    )


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid")

    infrastructure: Text | None = None
    since: Moment | None = Field(None, description="Created at that time or later.")
    until: Moment | None = Field(None, description="Created before that time.")
    reason: Text | None = Field(None, description="Text in the reason, in any case.")


class _PageQuery(_Query):
    cursor: Annotated[str, Field(max_length=200)] | None = None
    limit: int = Field(100, ge=1, le=1000)


class TransferQuery(_PageQuery):
    """What to list of a collection of transfers."""

    state: list[TransferState] = Field([], description="One of these; may be repeated.")
    parent: UUID | None = Field(None, description="List what a prefix's transfer consists of.")

    def wanted(self) -> Filter:
        """Return the filter."""
        return Filter(
            tuple(self.state), self.infrastructure, None, self.since, self.until, self.reason, self.parent
        )


class JobQuery(_PageQuery):
    """What to list of the jobs."""

    state: list[JobState] = Field([], description="One of these; may be repeated.")
    service: Text | None = None

    def wanted(self) -> Filter:
        """Return the filter."""
        return Filter(
            tuple(self.state), self.infrastructure, self.service, self.since, self.until, self.reason
        )


class HistoryEvent(BaseModel):
    """One change of state, or a request that left the state as it was."""

    at: datetime
    from_state: str = Field(description="Empty for the request's arrival.")
    to_state: str
    attempt: int
    worker: str
    actor: str = Field(description="Who asked for it; empty when the gateway itself did it.")
    reason: str

    @classmethod
    def of(cls, event: Event) -> "HistoryEvent":
        """Show an event."""
        return cls(**{name: getattr(event, name) for name in cls.model_fields})
