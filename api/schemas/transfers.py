"""Bodies of the transfers: requests and statuses."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.schemas.fields import Text
from api.schemas.store_access import StoreAccess
from gateway.errors import Fault
from gateway.models import Transfer
from gateway.states import TRANSFER_STATUS, TransferState

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


class _S3Request(StoreAccess):
    endpoint: Text = Field(description="URL of the S3 store.")
    bucket: Text
    object: Text = Field(
        description="The object's key. One that ends in `/` stands for all below it, and the path on the"
        " cluster is then a folder."
    )
    region: Text = "local"
    infrastructure: Text = Field(description="Name of the cluster.")


class FileTransferRequest(BaseModel):
    """A file of a web or FTP server to bring to the cluster."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"src": "https://example.org/a.csv", "dst": EXAMPLE_DST, "infrastructure": "demo"}]
        }
    )

    src: Text = Field(description="URL: http, https or ftp.")
    dst: Text = Field(description="Path on the cluster, from the account's home.")
    infrastructure: Text = Field(description="Name of the cluster.")


class S3FileTransferRequest(_S3Request):
    """An object to bring to the cluster."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_S3 | {"dst": EXAMPLE_DST}]})

    dst: Text = Field(description="Path on the cluster, from the account's home.")


class S3ResultTransferRequest(_S3Request):
    """A file of the cluster to put into a store."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [EXAMPLE_S3 | {"src": "serrano/data/Output_Data/CSVFormate/FFT_Filter_output.csv"}]
        }
    )

    src: Text = Field(description="Path on the cluster, from the account's home.")


class _MoveStatus(BaseModel):
    id: UUID
    owner: str = Field(description="Whose it is; `local` without accounts.")
    status: Literal["transferring", "completed", "failure"]
    state: TransferState
    reason: str
    fault: Fault | None = Field(description="The class of the failure that `reason` tells of.")
    infrastructure: str
    bytes_total: int | None = Field(description="Null until the store or the cluster has told the size.")
    bytes_done: int
    bytes_per_s: int | None = Field(description="Null while nothing moves.")
    estimated_end_at: datetime | None
    parent_id: UUID | None = Field(description="The transfer of a prefix that this is a part of.")
    children: dict[str, int] | None = Field(description="Of a prefix: how many files, by state.")
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None
    attempt: int
    next_attempt_at: datetime | None = Field(description="When an automatic retry is due.")


class FileTransferStatus(_MoveStatus):
    """Where a transfer from a URL stands."""

    src: str
    dst: str

    @classmethod
    def of(cls, row: Transfer) -> "FileTransferStatus":
        """Show a row."""
        return cls(**_move(row), src=row.endpoint, dst=row.path)


class _TransferStatus(_MoveStatus):
    endpoint: str
    bucket: str
    object: str
    region: str


class S3FileTransferStatus(_TransferStatus):
    """Where a transfer to the cluster stands."""

    dst: str

    @classmethod
    def of(cls, row: Transfer) -> "S3FileTransferStatus":
        """Show a row."""
        return cls(**_transfer(row), dst=row.path)


class S3ResultTransferStatus(_TransferStatus):
    """Where a transfer to the store stands."""

    src: str

    @classmethod
    def of(cls, row: Transfer) -> "S3ResultTransferStatus":
        """Show a row."""
        return cls(**_transfer(row), src=row.path)


def _transfer(row: Transfer) -> dict[str, Any]:
    store = {name: getattr(row, name) for name in ("endpoint", "bucket", "object", "region")}
    return _move(row) | store


def _move(row: Transfer) -> dict[str, Any]:
    moves = row.state is TransferState.TRANSFERRING
    derived = {
        "status": TRANSFER_STATUS[row.state],
        "next_attempt_at": row.retry_at,
        "bytes_per_s": row.bytes_per_s if moves else None,
        "estimated_end_at": row.estimated_end_at if moves else None,
    }
    return {name: getattr(row, name) for name in _MoveStatus.model_fields.keys() - derived} | derived
