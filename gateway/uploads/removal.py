"""Removal of files that were unused for a day: the object in the gateway's bucket first, then the row."""

import logging
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.db import db_now, due_in, session_scope, utc_now
from gateway.errors import StorageError
from gateway.models import StoredFile, Transfer
from gateway.settings import get_settings
from gateway.storage.address import S3Address
from gateway.storage.own_store import own_store, reaching_own_store
from gateway.storage.s3 import clients
from gateway.storage.s3.errors import store_errors

BATCH = 100
PAGES = 100  # of open uploads of one object
AGAIN_S = 3600.0
_log = logging.getLogger(__name__)


def remove_unused() -> int:
    """Remove all unused files; return their number. One that the store does not delete is put off."""
    removed = 0
    while True:
        with session_scope() as session:
            files = _take_unused(session)
        if not files:
            return removed
        removed += sum(map(_remove, files))


def _remove(file: StoredFile) -> bool:
    """Delete the object, then the row; raise when the store is away."""
    try:
        delete_object(file)
    except StorageError as error:
        _log.warning("the object of file %s is not deleted: %s", file.id, error.detail)
        with session_scope() as session:
            session.get_one(StoredFile, file.id).kept_until = due_in(AGAIN_S)
        if error.transient:
            raise
        return False
    with session_scope() as session:
        session.delete(session.merge(file, load=False))
    return True


def _take_unused(session: Session) -> Sequence[StoredFile]:
    """Close a batch of unused files to new work; those that an unfinished transfer needs are left out."""
    needed = select(Transfer.object).where(
        Transfer.bucket == get_settings().store_bucket, Transfer.state.in_(Transfer.live)
    )
    unused = StoredFile.kept_until < db_now(), StoredFile.object.not_in(needed)
    files = session.scalars(select(StoredFile).where(*unused).limit(BATCH).with_for_update()).all()
    for file in files:
        file.removed_at = utc_now()
    return files


def delete_object(file: StoredFile) -> None:
    """Delete the object, and the parts of unfinished uploads."""
    settings = get_settings()
    store = own_store(settings)
    address = S3Address(store.endpoint, store.region, file.bucket, file.object)
    session = clients.borrow_session(address, store.keys, reaching_own_store(settings))
    with store_errors(address):
        abort_open_uploads(session, file)
        session.call("delete_object", Bucket=file.bucket, Key=file.object)
    clients.return_session(session)


def abort_open_uploads(session: clients.StoreSession, file: StoredFile) -> None:
    """Abort the uploads of the object; each page has other ones, as those of the page before are gone."""
    for _ in range(PAGES):
        listed = session.call("list_multipart_uploads", Bucket=file.bucket, Prefix=file.object)
        for upload in listed.get("Uploads", ()):
            named = {"Bucket": file.bucket, "Key": file.object, "UploadId": upload["UploadId"]}
            session.call("abort_multipart_upload", **named)
        if not listed.get("IsTruncated"):
            return
