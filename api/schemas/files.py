"""Bodies of files that people without a store upload and download."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from api.schemas.fields import Text
from api.schemas.patterns import FILE_NAME, Told
from gateway.left_out import RequestModel
from gateway.models import StoredFile
from gateway.uploads import files
from gateway.uploads.presigning import SignedRequest


def _as_integer(value: Any) -> Any:
    """Return 8.0 as 8, which JSON does not tell apart; texts and truth values stay and are refused."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class FileRequest(RequestModel):
    """A file to be uploaded."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "recording.csv", "size": 1048576}]}
    )

    name: Annotated[Text, Told(pattern=FILE_NAME)] = Field(description="Its name, without `/`.")
    size: Annotated[int, BeforeValidator(_as_integer)] = Field(
        strict=True,
        description="Its exact size in bytes: the store takes no other.",
        json_schema_extra={"minimum": 1, "maximum": files.LARGEST},
    )


class PartsRequest(RequestModel):
    """An upload in parts that has been started."""

    model_config = ConfigDict(extra="forbid")

    upload_id: Text = Field(description="The `UploadId` in the answer of the store.")


class PresignedRequest(BaseModel):
    """A request to the store that needs no keys, until it expires."""

    model_config = ConfigDict(from_attributes=True)

    method: str
    url: str
    headers: Mapping[str, str] = Field(description="Headers that have to be sent.")
    expires_at: datetime


class FileUpload(PresignedRequest):
    """The upload of a file: a PUT of all, or above 5 GiB the POST that starts an upload in parts."""

    part_bytes: int | None = Field(
        description="Above 5 GiB, the size of each part but the last; POST the store's `UploadId` to"
        " `/files/{id}/parts`."
    )


class FileStatus(BaseModel):
    """A file, and the request that uploads it."""

    id: UUID = Field(description='The `{"file": id}` of a workflow\'s input.')
    name: str
    size: int
    created_at: datetime
    upload: FileUpload

    @classmethod
    def of(cls, row: StoredFile) -> Self:
        """Show a row, with a fresh URL."""
        signed = PresignedRequest.model_validate(files.sign_upload(row)).model_dump()
        upload = FileUpload(**signed, part_bytes=files.part_bytes(row.size))
        return cls(id=row.id, name=row.name, size=row.size, created_at=row.created_at, upload=upload)


class FileParts(BaseModel):
    """The requests of an upload in parts."""

    parts: list[PresignedRequest] = Field(description="In the order of the parts, from 1.")
    complete: PresignedRequest = Field(description="Its body is the store's `CompleteMultipartUpload`.")

    @classmethod
    def of(cls, parts: files.Parts) -> Self:
        """Show the signed requests."""

        def show(signed: SignedRequest) -> PresignedRequest:
            return PresignedRequest.model_validate(signed)

        return cls(parts=[show(each) for each in parts.parts], complete=show(parts.complete))


class ResultOnItsWay(BaseModel):
    """A result that is being brought to the gateway's store."""

    state: str = Field("on its way", description="Ask again after `Retry-After` seconds.")
