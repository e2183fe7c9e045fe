"""The bodies of the operator's calls: pages, histories, cancels and retries."""

from datetime import UTC, datetime
from typing import Annotated, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from api.opening import Opening
from api.texts import Text, plain
from gateway.bulk import LARGEST
from gateway.filters import KINDS, Filter, Kind
from gateway.models import Event
from gateway.states import JobState, TransferState

Shown = TypeVar("Shown")
Remark = Annotated[str, Field(max_length=1000), AfterValidator(plain)]


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


class Action(BaseModel):
    """Who asks for something to be done, and why; both stay in the history."""

    by: Annotated[str, Field(max_length=200), AfterValidator(plain)] = Field(
        "", description="A name; the caller's address when left out."
    )
    reason: Remark = ""


class TransferRetry(Action, Opening):
    """A retry of a transfer, with fresh credentials where the old ones were wrong or are erased."""


BadEnd = Literal["failed", "timeout", "out_of_memory", "node_failure", "lost", "cancelled"]


class RetryFilter(BaseModel):
    """What to look for among those that ended badly."""

    model_config = ConfigDict(extra="forbid")

    kind: list[Kind] = Field(list(KINDS), min_length=1, max_length=16)
    state: list[BadEnd] = Field(
        ["failed", "timeout", "out_of_memory", "node_failure", "lost"], min_length=1, max_length=16
    )
    infrastructure: Text | None = None
    service: Text | None = None
    since: Moment | None = None
    until: Moment | None = None
    reason: Text | None = Field(None, description="Text in the reason, in any case.")

    def wanted(self) -> Filter:
        """Return the filter."""
        return Filter(
            tuple(self.state), self.infrastructure, self.service, self.since, self.until, self.reason
        )


class BulkRetry(Action):
    """A retry of everything that a filter finds."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "filter": {"kind": ["s3_data"], "reason": "bucket", "since": "2026-11-22T08:00:00Z"},
                    "dry_run": True,
                    "by": "ada",
                    "reason": "the bucket exists now",
                }
            ]
        },
    )

    filter: RetryFilter = Field(default_factory=RetryFilter)
    dry_run: bool = Field(default=True, description="Only show what would be retried.")


class BulkItem(BaseModel):
    """One that the filter found."""

    id: UUID
    kind: Kind
    refusal: str = Field(description="Why it was (or would be) left alone; empty when it is retried.")


class BulkRetried(BaseModel):
    """What a bulk retry did, or would do."""

    dry_run: bool
    found: int = Field(description=f"At most {LARGEST}: repeat the call for the rest.")
    retried: int = Field(description="With `dry_run`, how many would be.")
    items: list[BulkItem]
