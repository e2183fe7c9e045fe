"""`/credentials`: keys of a store, sent once and named by id in requests; never shown again."""

from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.deps import Caller, RowId, read
from api.once import Once
from api.problems import responses
from api.texts import Key, Text
from gateway import stored_credentials
from gateway.db import session_scope
from gateway.storage.address import Credentials

router = APIRouter(prefix="/credentials", tags=["credentials"])


class CredentialRequest(BaseModel):
    """Keys to store."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "recordings",
                    "endpoint": "https://s3.example.org",
                    "access_key": "AKIA...",
                    "secret_key": "...",
                }
            ]
        }
    )

    name: Text = Field(description="What people call them; need not be unique.")
    endpoint: Text = Field(description="URL of the S3 store: they are never sent anywhere else.")
    access_key: Key
    secret_key: Key


class CredentialSummary(BaseModel):
    """Stored keys, without the keys."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="The `credential_id` of requests.")
    name: str
    endpoint: str
    created_at: datetime


@router.post("", status_code=201, responses=responses(400, 409, 422, 503))
def store_credentials(caller: Caller, once: Once, body: CredentialRequest) -> CredentialSummary:
    """Store keys; what comes back is all that will ever be shown of them."""
    keys = Credentials(body.access_key.get_secret_value(), body.secret_key.get_secret_value())
    with session_scope() as session:
        row = stored_credentials.add(session, caller.owner, body.name, body.endpoint, keys)
        return once.keep(session, CredentialSummary.model_validate(row), HTTPStatus.CREATED)


@router.get("", responses=responses(503))
def list_credentials(caller: Caller) -> list[CredentialSummary]:
    """List stored keys by name and endpoint, oldest first."""
    found = read(lambda session: stored_credentials.every(session, caller))
    return [CredentialSummary.model_validate(row) for row in found]


@router.get("/{row_id}", responses=responses(404, 503))
def get_credentials(caller: Caller, row_id: RowId) -> CredentialSummary:
    """Show which keys these are."""
    row = read(lambda session: stored_credentials.get(session, caller, row_id))
    return CredentialSummary.model_validate(row)


@router.delete("/{row_id}", status_code=204, responses=responses(404, 503))
def delete_credentials(caller: Caller, row_id: RowId) -> None:
    """Forget stored keys; transfers that were accepted with them go on."""
    with session_scope() as session:
        stored_credentials.remove(session, caller, row_id)
