"""Transfers of a prefix: a child row for each object or file below it, and a parent that sums them up."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Select, and_, func, insert, or_, select, update
from sqlalchemy.orm import Session

from gateway.clusters import catalog
from gateway.clusters.owner_roots import owner_roots
from gateway.db import db_now, utc_now
from gateway.errors import Cancelled, Fault, StorageError
from gateway.jobs.attempts import PathCheck
from gateway.models import Transfer
from gateway.states import TRANSFER_MOVES, TransferState
from gateway.transfers.throughput import Throughput
from gateway.work import quotas
from gateway.work.claims import Claim, lock_claimed
from gateway.work.failures import ON_REQUEST
from gateway.work.transitions import begin_many, move, move_many, note, note_many
from gateway.work.turns import send_next

MOST_CHILDREN = 50_000
MOST_PARENTS, LONGEST_COUNT_S = 500, 1.0  # of a sweep
_OMITTED = "left out: {count} files or folders of other owners, of their jobs, of the gateway or its account"
_BAD_ENDS = (TransferState.FAILED, TransferState.CANCELLED)
_INHERITED = (
    "owner",
    "kind",
    "infrastructure",
    "definition",
    "endpoint",
    "bucket",
    "region",
    "credentials",
    "warnings",
    "requester_pays",
    "overwrite",
)


@dataclass(frozen=True)
class PrefixEntry:
    """One object or file: its name below the prefix, its size; its path where it is not below the folder."""

    name: str
    size: int
    path: str = ""


def is_prefix(row: Transfer) -> bool:
    """Tell whether the row stands for all objects or files below its object's name."""
    return row.object.endswith("/")


def expand_prefix(
    session: Session, claim: Claim, entries: Sequence[PrefixEntry], *, omitted: int = 0
) -> None:
    """Insert a child for each entry, all or none, which wait for their owner's turns, as the parent for them.

    `omitted` is the number of files and folders below the prefix that the owner's requests do not reach; the
    history tells it.

    Raises
    ------
    StorageError
        When there is nothing to transfer, too much, or a name that is no path below a folder.
    TooMany
        When the owner's quota does not allow so many bytes.
    Invalid
        When the path of a child is one that no request may write.
    """
    parent = lock_claimed(session, Transfer, claim)
    if parent.cancel_requested_at is not None:
        raise Cancelled(ON_REQUEST)
    _check_entries(parent, entries)
    _check_destinations(session, parent, entries)
    total = sum(entry.size for entry in entries)
    quotas.check_bytes(session, parent.owner, total)
    if omitted:
        note(session, parent, _OMITTED.format(count=omitted), "")
    now = session.scalar(select(db_now())) or utc_now()
    children = [_child_columns(parent, entry, now, n) for n, entry in enumerate(entries)]
    session.execute(insert(Transfer), children)
    begin_many(session, Transfer, Transfer.parent_id == parent.id)
    parent.children = {str(TransferState.ACCEPTED): len(children)}
    parent.bytes_total, parent.bytes_done = total, 0
    parent.lease_until = parent.next_send_at = parent.message_id = None
    parent.failures, parent.leftovers = 0, False
    send_next(session, Transfer, parent.infrastructure, parent.owner)


def _check_entries(parent: Transfer, entries: Sequence[PrefixEntry]) -> None:
    if not entries:
        field = "the path" if parent.kind == "s3_result" else "object, which ends in '/'"
        raise StorageError(f"there is nothing below {_source_name(parent)}: check {field}", Fault.NOT_FOUND)
    if len(entries) > MOST_CHILDREN:
        raise StorageError(
            f"more than {MOST_CHILDREN} files are below {_source_name(parent)}: take smaller parts"
        )
    for entry in entries:
        if not _is_path(entry.name):
            raise StorageError(
                f"{entry.name!r} below {_source_name(parent)} is no path below a folder: rename it",
                Fault.NAME,
            )


def _check_destinations(session: Session, parent: Transfer, entries: Sequence[PrefixEntry]) -> None:
    """Raise Invalid for a child that would be written where no request writes."""
    if parent.kind == "s3_result":
        return
    roots = owner_roots(catalog.get_cluster(session, parent.infrastructure), parent.owner)
    texts = (_child_path(parent, entry) for entry in entries)
    paths = {roots.confine(text, "dst"): text for text in texts}
    PathCheck(session, parent.owner, roots).check_written(paths, "dst")


def _is_path(name: str) -> bool:
    """Tell whether the name is a relative path that a folder and the database can hold."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return not {"", ".", ".."} & set(name.split("/")) and "\0" not in name


def _source_name(parent: Transfer) -> str:
    return parent.path if parent.kind == "s3_result" else parent.object


def _child_columns(parent: Transfer, entry: PrefixEntry, now: datetime, number: int) -> dict[str, Any]:
    place = now + timedelta(microseconds=number)  # keeps their order
    return {
        **{name: getattr(parent, name) for name in _INHERITED},
        "id": uuid4(),
        "parent_id": parent.id,
        "object": f"{parent.object}{entry.name}",
        "path": _child_path(parent, entry),
        "bytes_total": entry.size,
        "turn_at": place,
        "created_at": place,
    }


def _child_path(parent: Transfer, entry: PrefixEntry) -> str:
    return entry.path or f"{parent.path.rstrip('/')}/{entry.name}"


def failed_children(session: Session, parent: Transfer) -> list[Transfer]:
    """Return the children that failed or were cancelled, locked."""
    return list(session.scalars(_select_children(parent, _BAD_ENDS).with_for_update()))


def _select_children(parent: Transfer, states: Sequence[Any]) -> Select[Transfer]:
    mine = select(Transfer).where(Transfer.parent_id == parent.id, Transfer.state.in_(states))
    return mine.order_by(Transfer.created_at)


def update_parents(session: Session) -> None:
    """Update the counts of waiting parents, and end the parents whose children have all ended.

    The parents of an owner may have millions of children to be counted: owners take turns, for a second.
    """
    end = time.monotonic() + LONGEST_COUNT_S
    for parent in session.scalars(_select_waiting_parents()):
        update_counts(session, parent)
        if parent.children and not any(state in TRANSFER_MOVES for state in parent.children):
            _end_parent(session, parent, parent.children)
        if time.monotonic() > end:
            return


def _select_waiting_parents() -> Select[Transfer]:
    """Select waiting parents, locked: as many of each owner, those first that were counted longest ago."""
    which = Transfer.state == TransferState.TRANSFERRING, Transfer.children.is_not(None)
    owner, counted_at = Transfer.owner, Transfer.updated_at
    place = func.row_number().over(partition_by=owner, order_by=counted_at).label("place")
    owner_at = func.max(counted_at).over(partition_by=owner).label("owner_at")
    found = select(Transfer.id, place, owner_at).where(*which).subquery()
    rows = select(Transfer).join(found, found.c.id == Transfer.id).where(*which)
    in_turn = rows.order_by(found.c.place, found.c.owner_at).limit(MOST_PARENTS)
    return in_turn.with_for_update(skip_locked=True, of=Transfer)


def update_counts(session: Session, parent: Transfer) -> None:
    """Update a parent's counts of children by state, its bytes and its throughput."""
    session.flush()
    per_state = (
        select(Transfer.state, func.count(), func.sum(Transfer.bytes_done), func.sum(Transfer.bytes_total))
        .where(Transfer.parent_id == parent.id)
        .group_by(Transfer.state)
    )
    sums = session.execute(per_state).all()
    parent.children = {str(state): count for state, count, _, _ in sums}
    done, total = (sum(int(each[column] or 0) for each in sums) for column in (2, 3))
    _measure(parent, done, total)


def _measure(parent: Transfer, done: int, total: int) -> None:
    """Set the sums of bytes, and the throughput since the last time."""
    now = utc_now()
    throughput = Throughput(parent.bytes_per_s, (parent.updated_at, parent.bytes_done))
    parent.bytes_per_s, parent.estimated_end_at = throughput.measure(now, done, total)
    parent.bytes_done, parent.bytes_total, parent.updated_at = done, total, now


def _end_parent(session: Session, parent: Transfer, counts: dict[str, int]) -> None:
    total, completed = sum(counts.values()), counts.get(TransferState.COMPLETED, 0)
    if completed == total:
        parent.credentials = None
        move(session, parent, TransferState.COMPLETED)
    elif parent.cancel_requested_at is not None:
        parent.credentials = None
        move(session, parent, TransferState.CANCELLED, f"{ON_REQUEST}; {completed} of {total} are done")
    else:
        unlocked = _select_children(parent, _BAD_ENDS).limit(1)  # a sweep never waits
        first = session.scalars(unlocked).one()
        name = first.object.removeprefix(parent.object)
        reason = f"{total - completed} of {total} failed, the first is {name!r}: {first.reason}"
        move(session, parent, TransferState.FAILED, reason)
        parent.fault = first.fault


def cancel_children(session: Session, parent: Transfer, actor: str, request: str) -> None:
    """Cancel the idle children, and ask the workers of the others to stop; note the request on each."""
    unfinished = and_(Transfer.parent_id == parent.id, Transfer.state.in_(Transfer.live))
    asked = update(Transfer).where(unfinished).values(cancel_requested_at=utc_now())  # locks them
    session.execute(asked.execution_options(synchronize_session=False))
    note_many(session, Transfer, unfinished, request, actor)
    move_many(
        session,
        Transfer,
        and_(unfinished, or_(Transfer.state != TransferState.TRANSFERRING, Transfer.lease_until.is_(None))),
        TransferState.CANCELLED,
        reason=ON_REQUEST,
        credentials=Transfer.cleaning_credentials,
    )
