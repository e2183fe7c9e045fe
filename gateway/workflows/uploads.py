"""The input of a workflow that is an uploaded file of the gateway's own store."""

from uuid import UUID

from sqlalchemy.orm import Session

from gateway.errors import Invalid, NotConfigured, NotFound
from gateway.transfers.lifecycle import OwnStoreRequest, draft_with_own_store
from gateway.uploads.files import open_file
from gateway.work.acceptance import Draft


def draft_file(session: Session, owner: str, infrastructure: str, file: UUID, folder: str) -> Draft:
    """Return the row of the transfer of the owner's file into the folder, or raise Invalid."""
    try:
        found = open_file(session, owner, file)
    except (NotConfigured, NotFound) as error:
        raise Invalid(error.detail) from error
    request = OwnStoreRequest("s3_data", infrastructure, found.object, f"{folder}{found.name}")
    return draft_with_own_store(session, owner, request)
