"""Removal of files that were unused for a day: the object in the gateway's bucket first, then the row."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.db import db_now, session_scope, utc_now
from gateway.models import StoredFile, Transfer
from gateway.settings import get_settings
from gateway.storage.address import S3Address
from gateway.storage.own_store import own_store, reaching_own_store
from gateway.storage.s3 import clients
from gateway.storage.s3.errors import store_errors

BATCH = 100


def remove_unused() -> int:
    """Remove all unused files; return their number. A file whose store does not answer stays for later."""
    removed = 0
    while True:
        with session_scope() as session:
            files = _take_unused(session)
        if not files:
            return removed
        _delete_objects(files)
        with session_scope() as session:
            for file in files:
                session.delete(session.merge(file, load=False))
        removed += len(files)


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


def _delete_objects(files: Sequence[StoredFile]) -> None:
    """Delete the objects, and the parts of unfinished uploads."""
    settings = get_settings()
    store = own_store(settings)
    for file in files:
        address = S3Address(store.endpoint, store.region, file.bucket, file.object)
        session = clients.borrow_session(address, store.keys, reaching_own_store(settings))
        with store_errors(address):
            _delete_object(session, {"Bucket": file.bucket, "Key": file.object})
        clients.return_session(session)


def _delete_object(session: clients.StoreSession, place: dict[str, Any]) -> None:
    listed = session.call("list_multipart_uploads", Bucket=place["Bucket"], Prefix=place["Key"])
    for upload in listed.get("Uploads", ()):
        session.call("abort_multipart_upload", UploadId=upload["UploadId"], **place)
    session.call("delete_object", **place)
