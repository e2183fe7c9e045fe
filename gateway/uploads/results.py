"""Results of jobs for people without a store: copies in the gateway's bucket, made by ordinary transfers."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.clusters import catalog
from gateway.db import due_in, lock_names
from gateway.errors import Conflict, NotFound, TooMany
from gateway.jobs.folders import output_name
from gateway.jobs.services import RESULT_FILES
from gateway.models import Job, JobMember, StoredFile, Transfer
from gateway.settings import get_settings
from gateway.states import TransferState, is_final
from gateway.storage.own_store import own_store
from gateway.transfers.lifecycle import OwnStoreRequest, draft_with_own_store
from gateway.uploads.files import UNUSED_S, add_row, lack_of_room
from gateway.uploads.presigning import SignedRequest, sign_get
from gateway.work import quotas
from gateway.work.acceptance import insert_drafts


@dataclass(frozen=True)
class ResultOwner:
    """A job, or a member of its sweep, whose results are asked for."""

    job: Job
    member: JobMember | None = None

    @property
    def run(self) -> int:
        """The number of the run that left the results."""
        return self.job.run if self.member is None else self.member.run

    @property
    def number(self) -> int:
        """The number of the member; 0 where there is none."""
        return 0 if self.member is None else self.member.number

    def __str__(self) -> str:
        of_member = "" if self.member is None else f", member {output_name(self.member)},"
        return f"job {self.job.id}{of_member}"

    def find_output(self, service: str) -> dict[str, Any]:
        """Return the result of a service, or raise NotFound or Conflict."""
        job, work = self.job, self.member or self.job
        if service not in job.services.split():
            raise NotFound(
                f"job {job.id} has no service {service!r}; it has {job.services.replace(' ', ', ')}"
            )
        found = next((output for output in work.outputs if output["service"] == service), None)
        if found is not None:
            return found
        if not is_final(job.state):
            later = f"its result of {service} is there once it has succeeded"
            raise Conflict(f"{self} is {work.state}: {later}")
        raise Conflict(f"{self} is {work.state} and left no result of {service}: {work.reason}")


def request_result(session: Session, owner: ResultOwner, service: str) -> SignedRequest | None:
    """Return the download of a result; None while it is on its way to the bucket, as asked for here.

    Raises
    ------
    NotConfigured
        Without a store of the gateway's.
    NotFound, Conflict
        When there is no result of the service, not yet one, or its transfer has failed.
    """
    store, output = own_store(get_settings()), owner.find_output(service)
    lock_names(session, [f"files of {owner.job.owner}"])
    copy = _find_copy(session, owner, service) or _add_copy(session, owner, output)
    transfer = session.get(Transfer, copy.transfer_id) if copy.transfer_id else None
    if transfer is None:
        _start_transfer(session, owner.job, output["path"], copy)
        return None
    if not _is_there(copy, transfer):
        return None
    copy.kept_until = due_in(UNUSED_S)
    return sign_get(store, copy.object, copy.name)


def _key(owner: ResultOwner, service: str) -> dict[str, Any]:
    """Return the columns that tell of which result a copy is."""
    return {"job_id": owner.job.id, "run": owner.run, "service": service, "member": owner.number}


def _find_copy(session: Session, owner: ResultOwner, service: str) -> StoredFile | None:
    mine = select(StoredFile).filter_by(**_key(owner, service))
    return session.scalar(mine.with_for_update())


def _add_copy(session: Session, owner: ResultOwner, output: dict[str, Any]) -> StoredFile:
    service, store = output["service"], own_store(get_settings())
    if lack := lack_of_room(session, owner.job.owner, output["bytes"]):
        raise TooMany(lack, quotas.TOMORROW_S)
    name = PurePosixPath(RESULT_FILES[service]).with_suffix(PurePosixPath(output["path"]).suffix).name
    if owner.member is not None:
        name = f"{output_name(owner.member)}_{name}"
    key = _key(owner, service)
    return add_row(session, store, owner.job.owner, name, output["bytes"], **key)


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
