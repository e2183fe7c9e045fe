"""Bodies of actions: cancel, retry of one row, bulk retry."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.schemas.fields import Text, check_text
from api.schemas.listing import Moment
from api.schemas.patterns import NO_NUL, Told
from api.schemas.store_access import StoreAccess
from gateway.jobs.resources import ResourceRequest
from gateway.left_out import RequestModel
from gateway.operations.retries import LARGEST
from gateway.work.listing import KINDS, Filter, WorkKind

Remark = Annotated[str, Field(max_length=1000), AfterValidator(check_text), Told(pattern=NO_NUL)]


class Action(RequestModel):
    """The actor of a request and the reason; the history keeps both."""

    by: Annotated[str, Field(max_length=200), AfterValidator(check_text), Told(pattern=NO_NUL)] = Field(
        "", description="A name; the caller's address when left out."
    )
    reason: Remark = ""


class TransferRetry(Action, StoreAccess):
    """A retry of a transfer, with fresh credentials if the old ones were wrong or are erased."""


class JobRetry(Action):
    """A retry of a job, with other resources where the old ones did not suffice."""

    resources: ResourceRequest | None = Field(
        None, description="They replace those of the job, key by key; the others stay."
    )


BadEnd = Literal["failed", "timeout", "out_of_memory", "node_failure", "lost", "cancelled"]


class RetryFilter(RequestModel):
    """Filter of the transfers and jobs that ended badly."""

    model_config = ConfigDict(extra="forbid")

    kind: list[WorkKind] = Field(list(KINDS), min_length=1, max_length=16)
    state: list[BadEnd] = Field(
        ["failed", "timeout", "out_of_memory", "node_failure", "lost"], min_length=1, max_length=16
    )
    infrastructure: Text | None = None
    service: Text | None = None
    since: Moment | None = None
    until: Moment | None = None
    reason: Text | None = Field(None, description="Text in the reason, ignoring case.")

    def to_filter(self) -> Filter:
        """Return the filter."""
        return Filter(
            tuple(self.state), self.infrastructure, self.service, self.since, self.until, self.reason
        )


class BulkRetry(Action):
    """A retry of all rows that a filter finds."""

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
    dry_run: bool = Field(default=True, description="List the rows without a retry.")
    resources: ResourceRequest | None = Field(
        None, description="They replace those of each job, key by key; the others stay."
    )


class BulkItem(BaseModel):
    """A row that the filter found."""

    id: UUID
    kind: WorkKind
    refusal: str = Field(description="The reason for no retry; empty when the row is retried.")


class BulkRetried(BaseModel):
    """The result of a bulk retry or of its dry run."""

    dry_run: bool
    found: int = Field(description=f"Number of rows, at most {LARGEST}; repeat the call for the rest.")
    retried: int = Field(description="Number of retried rows; with `dry_run`, of those that can be retried.")
    items: list[BulkItem]
