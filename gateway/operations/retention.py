"""Retention: `hpc-gateway prune` marks expired rows; their files are removed first, then row and history.

Nothing is pruned by itself. A row is expired when it ended before the time that the command gives; to prune
it is to remove its files on the cluster, its events and the row.

Only a cluster's worker reaches the cluster's files. So an expired row is marked here, and the outbox sends it
to its worker like any other work, again and again until it is gone. A row that no worker has ever claimed, or
whose cluster is no longer known, has no files within reach and is deleted at once.
"""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import TypeVar

from sqlalchemy import ColumnElement, and_, delete, func, or_, select
from sqlalchemy.orm import Session, aliased

from gateway.clusters import catalog
from gateway.clusters.configuration import Cluster
from gateway.clusters.owner_roots import owner_roots
from gateway.db import due_in, utc_now
from gateway.errors import Invalid
from gateway.events.pruning import delete_events
from gateway.jobs.folders import JobFolders
from gateway.models import Job, JobMember, Transfer
from gateway.operations.workflow_retention import (
    count_expired_workflows,
    delete_emptied_workflow,
    lock_expired_workflow,
    mark_expired_workflows,
    stays_with_workflow,
)
from gateway.states import TransferState
from gateway.work.claims import is_unclaimed

BATCH = 500
STAGED = ("data", "s3_data")
Row = TypeVar("Row", bound=Transfer | Job)


@dataclass(frozen=True)
class Expired:
    """The number of expired rows of a kind on a cluster, and the bytes that they staged."""

    kind: str
    infrastructure: str
    rows: int
    staged_bytes: int


def count_expired(session: Session, before: datetime) -> list[Expired]:
    """Count the rows that `mark_expired` would mark, by kind and cluster."""
    workflows = count_expired_workflows(session, before)
    counted = [Expired("workflow", name, number, 0) for name, number in workflows.items()]
    return [*_count_transfers(session, before), *_count_jobs(session, before), *counted]


def _count_transfers(session: Session, before: datetime) -> list[Expired]:
    place = (Transfer.kind, Transfer.infrastructure)
    is_staged = and_(
        Transfer.kind.in_(STAGED), Transfer.state == TransferState.COMPLETED, Transfer.is_childless()
    )
    counts = select(*place, func.count(), func.sum(Transfer.bytes_done).filter(is_staged))
    rows = session.execute(
        counts.where(*_expired_conditions(Transfer, before)).group_by(*place).order_by(*place)
    )
    return [Expired(kind, name, number, int(staged or 0)) for kind, name, number, staged in rows]


def _count_jobs(session: Session, before: datetime) -> list[Expired]:
    counts = select(Job.infrastructure, func.count()).where(*_expired_conditions(Job, before))
    rows = session.execute(counts.group_by(Job.infrastructure).order_by(Job.infrastructure))
    return [Expired("job", name, number, 0) for name, number in rows]


def mark_expired(session: Session, before: datetime) -> int:
    """Mark a batch of expired rows, or delete those without files; return the number of rows."""
    known = {cluster.name for cluster in catalog.list_clusters(session)}
    return (
        mark_expired_workflows(session, before)
        or _mark_rows(session, Transfer, before, known)
        or _mark_rows(session, Job, before, known)
    )


def _mark_rows(session: Session, model: type[Row], before: datetime, known: set[str]) -> int:
    found = select(model).where(*_expired_conditions(model, before)).limit(BATCH)
    rows = session.scalars(found.with_for_update(skip_locked=True)).all()
    for row in rows:
        if row.claim == 0 or row.infrastructure not in known:
            delete_row(session, row)
        else:
            row.prune_requested_at = utc_now()
            row.next_send_at, row.sends, row.failures = due_in(0), 0, 0
    return len(rows)


def _expired_conditions(model: type[Row], before: datetime) -> list[ColumnElement[bool]]:
    """Return the conditions of an expired row: ended before the moment, unclaimed, not marked yet."""
    conditions = [model.ended_at < before, model.prune_requested_at.is_(None), is_unclaimed(model)]
    conditions.append(~stays_with_workflow(model.workflow_id.expression, before))
    if model is Transfer:  # children stay as long as their parent, which may be retried
        whole = aliased(Transfer)
        stays = or_(whole.ended_at.is_(None), whole.ended_at >= before)
        conditions.append(~select(whole.id).where(whole.id == Transfer.parent_id, stays).exists())
    return conditions


def delete_row(session: Session, row: Transfer | Job) -> None:
    """Delete a row with members and events, and after the last step of an expired workflow the workflow."""
    delete_events(session, row.id)
    if isinstance(row, Job) and row.member_count:
        session.execute(delete(JobMember).where(JobMember.job_id == row.id))
    workflow = lock_expired_workflow(session, row)
    session.delete(row)
    if workflow is not None:
        delete_emptied_workflow(session, workflow)


def paths_in_use(session: Session, cluster: Cluster) -> set[PurePosixPath]:
    """Return the paths on the cluster that unfinished work reads or writes, without the refused ones."""
    used: set[PurePosixPath] = set()
    moving = Transfer.infrastructure == cluster.name, Transfer.state.in_(Transfer.live)
    for owner, path in session.execute(select(Transfer.owner, Transfer.path).where(*moving)):
        with suppress(Invalid):
            used.add(owner_roots(cluster, owner).confine(path, "path"))
    computing = Job.infrastructure == cluster.name, Job.state.in_(Job.live)
    for owner, params in session.execute(select(Job.owner, Job.params).where(*computing)):
        with suppress(Invalid):
            folders = JobFolders.of(params, owner_roots(cluster, owner))
            used |= {folders.input, folders.inference, folders.labels}
    return used


def is_in_use(path: PurePosixPath, used: Collection[PurePosixPath]) -> bool:
    """Tell whether one of the used paths is the path, or lies below or above it."""
    return any(place.is_relative_to(path) or path.is_relative_to(place) for place in used)


def was_staged_again(session: Session, cluster: Cluster, row: Transfer) -> bool:
    """Tell whether another transfer, which is not marked, has staged a file to the same path."""
    others = select(Transfer.owner).where(
        Transfer.infrastructure == row.infrastructure,
        Transfer.path == row.path,
        Transfer.kind.in_(STAGED),
        Transfer.id != row.id,
        Transfer.prune_requested_at.is_(None),
    )
    here = owner_roots(cluster, row.owner).confine(row.path, "path")
    owners = session.scalars(others.distinct())
    return any(owner_roots(cluster, owner).confine(row.path, "path") == here for owner in owners)
