"""Bodies of actions: cancel, retry of one row, bulk retry."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.schemas.fields import Text, check_text
from api.schemas.listing import Moment
from api.schemas.patterns import NO_NUL, Told
from api.schemas.store_access import StoreAccess
from gateway.errors import Fault
from gateway.jobs.resources import ResourceRequest
from gateway.left_out import RequestModel
from gateway.operations.bulk import LARGEST, Selection
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


LiveState = Literal["accepted", "transferring", "retrying", "submitting", "pending", "running"]
BadEnd = Literal["failed", "timeout", "out_of_memory", "node_failure", "lost", "cancelled"]


class _BulkFilter(RequestModel):
    model_config = ConfigDict(extra="forbid")

    kind: list[WorkKind] = Field(list(KINDS), min_length=1, max_length=16)
    state: list[Any]
    infrastructure: Text | None = None
    service: Text | None = None
    since: Moment | None = None
    until: Moment | None = None
    reason: Text | None = Field(None, description="Text in the reason, ignoring case.")
    fault: list[Fault] = Field(
        [], max_length=32, description="Classes of failures; without one, all but `input`."
    )

    def to_selection(self) -> Selection:
        """Return the selection."""
        wanted = Filter(
            tuple(self.state), self.infrastructure, self.service, self.since, self.until, self.reason
        )
        return Selection(wanted, self.kind, self.fault)


class RetryFilter(_BulkFilter):
    """Filter of the transfers and jobs that ended badly."""

    state: list[BadEnd] = Field(
        ["failed", "timeout", "out_of_memory", "node_failure", "lost"], min_length=1, max_length=16
    )


class CancelFilter(_BulkFilter):
    """Filter of the transfers and jobs that have not ended."""

    state: list[LiveState] = Field(
        ["accepted", "transferring", "retrying", "submitting", "pending", "running"],
        min_length=1,
        max_length=16,
    )


class BulkCancel(Action):
    """A cancel of all rows that a filter finds."""

    model_config = ConfigDict(extra="forbid")

    filter: CancelFilter = Field(default_factory=CancelFilter)
    dry_run: bool = Field(default=True, description="List the rows without a cancel.")


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
    infrastructure: str
    owner: str
    created_at: datetime
    fault: Fault | None
    reason: str
    refusal: str = Field(description="Why the row is left alone; empty when it is not.")


class BulkRetried(BaseModel):
    """The result of a bulk retry or of its dry run."""

    dry_run: bool
    found: int = Field(description=f"Number of rows, at most {LARGEST}; repeat the call for the rest.")
    retried: int = Field(description="Number of retried rows; with `dry_run`, of those that can be retried.")
    items: list[BulkItem]


class BulkCancelled(BaseModel):
    """The result of a bulk cancel or of its dry run."""

    dry_run: bool
    found: int = Field(description=f"Number of rows, at most {LARGEST}; repeat the call for the rest.")
    cancelled: int = Field(description="Number of cancelled rows; with `dry_run`, of those that would be.")
    items: list[BulkItem]
