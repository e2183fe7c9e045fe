"""Paths that name a job's folder: another owner's job does not exist, though the roots may be shared."""

import re
from pathlib import PurePosixPath
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.errors import NotFound
from gateway.models import Job

_JOB_FOLDER = re.compile(
    r"/Output_Data/jobs/([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\.[0-9]+(?:/|$)"
)


def check_reference(session: Session, owner: str, path: PurePosixPath) -> None:
    """Raise NotFound when the path lies in the folder of another owner's job."""
    found = _JOB_FOLDER.search(str(path))
    row = session.get(Job, UUID(found[1])) if found else None
    if row is not None and row.owner != owner:
        raise NotFound(f"there is no job {row.id}")
