"""Results of jobs for people without a store: copies in the gateway's bucket, made by ordinary transfers."""

from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.clusters import catalog
from gateway.db import due_in, lock_names
from gateway.errors import Conflict, NotFound, TooMany
from gateway.jobs.services import RESULT_FILES
from gateway.models import Job, StoredFile, Transfer
from gateway.settings import get_settings
from gateway.states import TransferState, is_final
from gateway.storage.own_store import own_store
from gateway.transfers.lifecycle import OwnStoreRequest, draft_with_own_store
from gateway.uploads.files import UNUSED_S, add_row, lack_of_room
from gateway.uploads.presigning import SignedRequest, sign_get
from gateway.work import quotas
from gateway.work.acceptance import insert_drafts


def request_result(session: Session, job: Job, service: str) -> SignedRequest | None:
    """Return the download of a result; None while it is on its way to the bucket, as asked for here.

    Raises
    ------
    NotConfigured
        Without a store of the gateway's.
    NotFound, Conflict
        When the job has no result of the service, not yet one, or its transfer has failed.
    """
    store, output = own_store(get_settings()), _find_output(job, service)
    lock_names(session, [f"files of {job.owner}"])
    copy = _find_copy(session, job, service) or _add_copy(session, job, output)
    transfer = session.get(Transfer, copy.transfer_id) if copy.transfer_id else None
    if transfer is None:
        _start_transfer(session, job, output["path"], copy)
        return None
    if not _is_there(copy, transfer):
        return None
    copy.kept_until = due_in(UNUSED_S)
    return sign_get(store, copy.object, copy.name)


def _find_output(job: Job, service: str) -> dict[str, Any]:
    if service not in job.services.split():
        raise NotFound(f"job {job.id} has no service {service!r}; it has {job.services.replace(' ', ', ')}")
    if not is_final(job.state):
        raise Conflict(f"job {job.id} is {job.state}: its result of {service} is there once it has succeeded")
    found = next((output for output in job.outputs if output["service"] == service), None)
    if found is None:
        raise Conflict(f"job {job.id} is {job.state} and left no result of {service}: {job.reason}")
    return found


def _find_copy(session: Session, job: Job, service: str) -> StoredFile | None:
    mine = StoredFile.job_id == job.id, StoredFile.run == job.run, StoredFile.service == service
    return session.scalar(select(StoredFile).where(*mine).with_for_update())


def _add_copy(session: Session, job: Job, output: dict[str, Any]) -> StoredFile:
    service, store = output["service"], own_store(get_settings())
    if lack := lack_of_room(session, job.owner, output["bytes"]):
        raise TooMany(lack, quotas.TOMORROW_S)
    named = {"job_id": job.id, "run": job.run, "service": service}
    name = PurePosixPath(RESULT_FILES[service]).with_suffix(PurePosixPath(output["path"]).suffix).name
    return add_row(session, store, job.owner, name, output["bytes"], **named)


def _start_transfer(session: Session, job: Job, path: str, copy: StoredFile) -> None:
    """Insert the row of the transfer that makes the copy."""
    cluster = catalog.get_cluster(session, job.infrastructure)
    quotas.admit(session, job.owner, cluster, Transfer)
    request = OwnStoreRequest("s3_result", job.infrastructure, copy.object, path)
    draft = draft_with_own_store(session, job.owner, request)
    insert_drafts(session, [draft])
    copy.transfer_id = draft.row.id


def _is_there(copy: StoredFile, transfer: Transfer) -> bool:
    """Tell whether the copy is complete; raise Conflict when it will not be, or is being removed."""
    if copy.removed_at:
        raise Conflict("the copy of the result is being removed after a day without use: ask again shortly")
    if transfer.state is TransferState.COMPLETED:
        return True
    if not is_final(transfer.state):
        return False
    raise Conflict(
        f"the result could not be brought to the gateway's store: {transfer.reason};"
        f" POST /s3_result/{transfer.id}/retry tries again"
    )
