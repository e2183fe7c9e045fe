"""Retries on request: the next attempt of a row, from the failed step."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.clusters import catalog
from gateway.credentials.sealing import seal, unseal
from gateway.db import utc_now
from gateway.errors import Conflict, NotFound
from gateway.jobs import members
from gateway.jobs.lifecycle import start_next_run
from gateway.jobs.resources import ResourceRequest, check_request, describe_change
from gateway.models import Job, Transfer, Workflow
from gateway.states import JobState, State, TransferState, is_final, is_retryable
from gateway.storage.address import Credentials, PresignedUrl, Secret, secret_warnings
from gateway.storage.presigned_check import check_presigned
from gateway.transfers import prefixes
from gateway.work import quotas
from gateway.work.step_moves import record_moves
from gateway.work.transitions import reopen
from gateway.work.turns import enqueue, line_up, send_next


def lock_for_retry(session: Session, row: Transfer | Job) -> None:
    """Lock the row for a retry, and before it its parent, the order of every transaction that locks both."""
    if row.parent_id is not None:
        session.get_one(Transfer, row.parent_id, with_for_update=True, populate_existing=True)
    session.refresh(row, with_for_update=True)


def retry(
    session: Session,
    row: Transfer | Job,
    actor: str,
    why: str = "",
    secret: Secret | None = None,
    *,
    resources: ResourceRequest | None = None,
) -> None:
    """Reopen an ended row, and its parent with it, and send it; the history keeps actor and reason.

    `resources` replace those of a job, key by key.

    Raises
    ------
    Conflict
        When the row has not ended, ended well, or would need credentials that are erased.
    Invalid
        When the cluster does not allow the resources.
    """
    check_retryable(row, secret)
    _check_workflow(session, row)
    if isinstance(row, Job) and resources is not None:
        why = "; ".join(filter(None, (why, _change_resources(session, row, resources))))
    _check_quotas(session, row)
    _start_next_attempt(session, row, actor, why, secret)
    if isinstance(row, Transfer) and row.parent_id is not None:
        _reopen_parent(session, session.get_one(Transfer, row.parent_id), actor, row.object)
    if row.workflow_id is not None:
        record_moves(session, [row.workflow_id])  # it goes on with the step
    if row.children is None:
        enqueue(session, row)


def _change_resources(session: Session, row: Job, request: ResourceRequest) -> str:
    """Put the requested resources over the row's, and return the changes for the history."""
    asked, before = check_resources(session, row, request), row.resources
    row.resources = before | asked
    changed = [key for key, value in asked.items() if value != before.get(key)]
    return ", ".join(describe_change(key, before.get(key), asked[key], row.params) for key in changed)


def check_resources(session: Session, row: Job, request: ResourceRequest) -> dict[str, Any]:
    """Return the requested resources in the form of granted ones; raise Invalid or Conflict."""
    cluster = catalog.get_cluster(session, row.infrastructure)
    asked = check_request(request, cluster, row.params["num_mpi_procs"], row.params["num_thread"])
    if asked and _ran_well(row):
        raise Conflict("its run ended well and only its end is read again: retry it without resources")
    return asked


def _check_quotas(session: Session, row: Transfer | Job) -> None:
    """Check the quotas of the row that becomes live again: the parent's, where the row is a child."""
    catalog.hold_cluster(session, row.infrastructure)
    cluster = catalog.get_cluster(session, row.infrastructure)
    if row.parent_id is not None:
        row = session.get_one(Transfer, row.parent_id)
    if is_final(row.state):
        number = members.count_failed(session, row) if isinstance(row, Job) else 1
        quotas.admit(session, row.owner, cluster, type(row), number)


def _start_next_attempt(
    session: Session, row: Transfer | Job, actor: str, why: str, secret: Secret | None
) -> None:
    _next_attempt(row)
    if isinstance(row, Job):
        to = _reset_job(session, row)
    elif row.children is None:
        to = _reset_transfer(row, secret)
    else:
        to = _retry_children(session, row, actor, why, secret)
    reopen(session, row, to, why, actor)


def _next_attempt(row: Transfer | Job) -> None:
    row.attempt += 1
    row.claim += 1  # fences the worker of the attempt before
    row.failures = 0
    row.cancel_requested_at = None
    row.queued_at = utc_now()
    row.next_send_at, row.sends = None, 0


def check_retryable(row: Transfer | Job, secret: Secret | None = None) -> None:
    """Raise Conflict when the row cannot be retried as it is."""
    if not is_final(row.state):
        raise Conflict(f"it is {row.state}: only ended work can be retried")
    if row.prune_requested_at is not None:
        raise Conflict("it is being removed by `hpc-gateway prune`")
    if not is_retryable(row.state):
        raise Conflict(f"it is {row.state}: there is nothing to retry")
    if row.lacks_credentials and secret is None:
        raise Conflict("its credentials are erased: send fresh ones with the retry")


def _check_workflow(session: Session, row: Transfer | Job) -> None:
    workflow = session.get(Workflow, row.workflow_id) if row.workflow_id is not None else None
    if workflow is not None and workflow.prune_requested_at is not None:
        raise Conflict("its workflow is being removed by `hpc-gateway prune`")


def _reset_transfer(row: Transfer, secret: Secret | None) -> State:
    if isinstance(secret, PresignedUrl):
        check_presigned(secret, row.endpoint, row.bucket, row.object)
    if secret is not None:
        _replace_secret(row, secret)
    row.bytes_done, row.verification = 0, ""
    if row.parent_id is None:  # a child has it from the listing
        row.bytes_total = None
    return TransferState.ACCEPTED


def _replace_secret(row: Transfer, secret: Secret) -> None:
    """Seal a fresh secret for the row; without a customer's key it gets that of the earlier one."""
    before = unseal(row.credentials) if row.credentials else None
    if isinstance(before, Credentials) and isinstance(secret, Credentials) and not secret.sse_customer_key:
        secret = replace(secret, sse_customer_key=before.sse_customer_key)
    row.credentials = seal(secret)
    row.warnings = list(dict.fromkeys([*row.warnings, *secret_warnings(secret, row.endpoint)]))


def _retry_children(session: Session, row: Transfer, actor: str, why: str, secret: Secret | None) -> State:
    """Retry the children that ended badly; the sweep ends the parent when all have ended."""
    for child in prefixes.failed_children(session, row):
        check_retryable(child, secret)
        _start_next_attempt(session, child, actor, why, secret)
        line_up(child)
    if secret is not None:
        _replace_secret(row, secret)
    prefixes.update_counts(session, row)
    send_next(session, Transfer, row.infrastructure, row.owner)
    return TransferState.TRANSFERRING


def _reopen_parent(session: Session, parent: Transfer, actor: str, name: str) -> None:
    """Reopen an ended parent, which waits again for its retried child."""
    if is_final(parent.state):
        _next_attempt(parent)
        reopen(session, parent, TransferState.TRANSFERRING, f"{name!r} was retried", actor)
    prefixes.update_counts(session, parent)


def _ran_well(row: Job) -> bool:
    """Tell whether the run ended well, so that only its end could not be read."""
    return (row.finding or {}).get("state") == JobState.SUCCEEDED


def _reset_job(session: Session, row: Job) -> State:
    """Reset the job for a new run, or to read the end of its run again when that ended well."""
    row.outputs, row.exit_code, row.usage = [], None, None
    if row.member_count:
        members.reopen_failed(session, row)
    elif _ran_well(row):
        return JobState.PENDING
    row.growths = 0
    start_next_run(session, row)
    return JobState.ACCEPTED


def lock_by_id(session: Session, row_id: UUID) -> Transfer | Job:
    """Return the transfer or job of that id, locked for a retry or a cancel."""
    row = session.get(Transfer, row_id) or session.get(Job, row_id)
    if row is None:
        raise NotFound(f"there is no transfer and no job {row_id}")
    lock_for_retry(session, row)
    return row


def retry_one(session: Session, row_id: UUID, actor: str, why: str) -> None:
    """Retry the transfer or job of that id."""
    retry(session, lock_by_id(session, row_id), actor, why)
