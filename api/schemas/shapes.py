"""The status of each kind of rows, and the bodies of the reads of many."""

from pydantic import BaseModel, Field

from api.schemas.jobs import JobStatus
from api.schemas.row_status import RowStatus
from api.schemas.transfers import FileTransferStatus, S3FileTransferStatus, S3ResultTransferStatus
from api.schemas.workflow_status import WorkflowStatus
from gateway.work.listing import Kind

SHAPES: dict[Kind, type[RowStatus]] = {
    "data": FileTransferStatus,
    "s3_data": S3FileTransferStatus,
    "s3_result": S3ResultTransferStatus,
    "job": JobStatus,
    "workflow": WorkflowStatus,
}
AnyStatus = JobStatus | WorkflowStatus | S3FileTransferStatus | S3ResultTransferStatus | FileTransferStatus
MOST_IDS = 1000


class StatusRequest(BaseModel):
    """The rows whose statuses are asked for."""

    ids: list[str] = Field(
        min_length=1,
        max_length=MOST_IDS,
        description="Ids of transfers, jobs and workflows, mixed as you like.",
    )
