"""The input of a workflow that is an uploaded file of the gateway's own store."""

from uuid import UUID

from sqlalchemy.orm import Session

from gateway.errors import Invalid
from gateway.work.acceptance import Draft


def draft_file(_session: Session, _owner: str, _infrastructure: str, _file: UUID, _folder: str) -> Draft:
    """Return the row of the transfer of the file into the folder, or raise Invalid."""
    raise Invalid("this gateway has no store of its own: name an object of yours by `s3`, or a `url`")
