"""Bodies of the transfers: requests and statuses."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue

from api.schemas.codes import FileTransferStatusCode
from api.schemas.fields import HIDDEN, AsciiText, ClusterPath, SourceUrl, StoreUrl, Text
from api.schemas.row_status import RowStatus
from api.schemas.store_access import StoreAccess
from gateway.callers import Caller
from gateway.errors import Fault
from gateway.left_out import RequestModel
from gateway.states import TRANSFER_STATUS, TransferState
from gateway.storage.address import DEFAULT_REGION, without_query

EXAMPLE_DST = "serrano/data/Init_Data/raw_data_input_fft/acceleration.csv"
EXAMPLE_S3: dict[str, JsonValue] = {
    "endpoint": "https://s3.example.org",
    "bucket": "recordings",
    "object": "2026/acceleration.csv",
    "region": "local",
    "access_key": "AKIA...",
    "secret_key": "...",
    "infrastructure": "demo",
}


class _ClusterDestination(RequestModel):
    """The destination of a file on the cluster."""

    dst: ClusterPath = Field(
        description="Path on the cluster, from the account's home; one that ends in `/` is a folder."
    )
    overwrite: bool = Field(
        default=True,
        description="With `false`, a destination that exists stays, and the transfer ends in `failure`.",
    )


class StorePlace(StoreAccess):
    """An object of a store and the access to it."""

    is_access_required: ClassVar[bool] = True

    endpoint: StoreUrl = Field(description="URL of the S3 store.")
    bucket: AsciiText
    object: Text = Field(
        description="The object's key. One that ends in `/` stands for all below it, and the path on the"
        " cluster is then a folder."
    )
    region: AsciiText = Field(
        DEFAULT_REGION, description="When it is left out, the region that the store names is learned from it."
    )
    requester_pays: bool = Field(
        default=False, description="Agree to pay for the requests, as some buckets demand it; needs keys."
    )


class S3TransferRequest(StorePlace):
    """The fields that both S3 requests share."""

    infrastructure: Text = Field(description="Name of the cluster.")


class FileTransferRequest(_ClusterDestination):
    """A file of a web or FTP server to bring to the cluster."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"src": "https://example.org/a.csv", "dst": EXAMPLE_DST, "infrastructure": "demo"}]
        }
    )

    src: SourceUrl = Field(description="URL: http, https or ftp.")
    infrastructure: Text = Field(description="Name of the cluster.")


class S3FileTransferRequest(_ClusterDestination, S3TransferRequest):
    """An object to bring to the cluster."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_S3 | {"dst": EXAMPLE_DST}]})


class S3ResultTransferRequest(S3TransferRequest):
    """A file of the cluster to put into a store."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [EXAMPLE_S3 | {"src": "serrano/data/Output_Data/CSVFormate/FFT_Filter_output.csv"}]
        }
    )

    src: ClusterPath = Field(description="Path on the cluster, from the account's home.")


_RENAMED = {"status": "state", "next_attempt_at": "retry_at"}


class TransferStatus(RowStatus):
    """The fields that the statuses of all kinds of transfers share."""

    id: UUID
    owner: str = Field(description="The owner; `local` without accounts.")
    status: FileTransferStatusCode
    state: TransferState
    reason: str
    fault: Fault | None = Field(description="The class of the failure; `reason` has the details.")
    infrastructure: str
    bytes_total: int | None = Field(description="Null until the size is known.")
    bytes_done: int
    bytes_per_s: int | None = Field(description="Null while nothing moves.")
    estimated_end_at: datetime | None
    verification: str = Field(
        description="How the bytes were verified, once they are there: a checksum, `size`, `second download`,"
        " `read back`, `second upload with Content-MD5`, or `the store's answer` where nothing else tells."
    )
    warnings: list[str] = Field(description="Sentences about the transfer that are no failure.")
    workflow_id: UUID | None = Field(description="The workflow that this is a step of.")
    parent_id: UUID | None = Field(description="The transfer of a prefix that this is a part of.")
    children: dict[str, int] | None = Field(description="Number of a prefix's files, by state.")
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None
    attempt: int
    next_attempt_at: datetime | None = Field(description="When an automatic retry is due.")

    @classmethod
    def derive(cls, values: dict[str, Any], caller: Caller) -> None:
        """Replace the columns by the fields that are made of them.

        A query of the row's URL, which may be a signature, is shown to its owner alone.
        """
        state = values["state"]
        values["status"] = TRANSFER_STATUS[state]
        if state != TransferState.TRANSFERRING:
            values["bytes_per_s"] = values["estimated_end_at"] = None
        if caller.owner != values["owner"]:
            url = "endpoint" if "endpoint" in values else "src"
            values[url] = without_query(values[url], HIDDEN)


class FileTransferStatus(TransferStatus):
    """Where a transfer from a URL stands."""

    renamed = _RENAMED | {"src": "endpoint", "dst": "path"}

    src: str
    dst: str
    overwrite: bool


class _StoreTransferStatus(TransferStatus):
    endpoint: str
    bucket: str
    object: str
    region: str
    requester_pays: bool


class S3FileTransferStatus(_StoreTransferStatus):
    """Where a transfer to the cluster stands."""

    renamed = _RENAMED | {"dst": "path"}

    dst: str
    overwrite: bool


class S3ResultTransferStatus(_StoreTransferStatus):
    """Where a transfer to the store stands."""

    renamed = _RENAMED | {"src": "path"}

    src: str
