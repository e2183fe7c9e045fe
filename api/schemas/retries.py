"""Bodies of the operator's actions: cancel, retry of one row, retry of everything that a filter finds."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.schemas.fields import Text, plain
from api.schemas.listing import Moment
from api.schemas.store_access import StoreAccess
from gateway.operations.retries import LARGEST
from gateway.work.listing import KINDS, Filter, Kind

Remark = Annotated[str, Field(max_length=1000), AfterValidator(plain)]


class Action(BaseModel):
    """Who asks for something to be done, and why; both stay in the history."""

    by: Annotated[str, Field(max_length=200), AfterValidator(plain)] = Field(
        "", description="A name; the caller's address when left out."
    )
    reason: Remark = ""


class TransferRetry(Action, StoreAccess):
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
