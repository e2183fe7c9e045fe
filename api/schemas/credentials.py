"""Bodies of stored credentials."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.fields import HIDDEN, Key, StoreUrl, Text, Token
from gateway.callers import Caller
from gateway.left_out import RequestModel
from gateway.models import StoredCredential
from gateway.storage.address import without_query


class CredentialRequest(RequestModel):
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

    name: Text = Field(description="A name for people; need not be unique.")
    endpoint: StoreUrl = Field(description="URL of the S3 store; the keys are sent to no other.")
    access_key: Key
    secret_key: Key
    session_token: Token | None = Field(None, description="Of temporary keys; it expires with them.")


class CredentialSummary(BaseModel):
    """Stored keys, without the keys."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="The `credential_id` of requests.")
    name: str
    endpoint: str
    created_at: datetime

    @classmethod
    def of(cls, row: StoredCredential, caller: Caller) -> Self:
        """Show a row; a query of its endpoint to its owner alone."""
        shown = cls.model_validate(row)
        own = caller.owner == row.owner
        return shown if own else shown.model_copy(update={"endpoint": without_query(row.endpoint, HIDDEN)})
