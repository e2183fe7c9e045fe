"""Rows for the tests, made by the use cases themselves."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session, undefer

from gateway.callers import LOCAL
from gateway.db import session_scope
from gateway.jobs import lifecycle as jobs
from gateway.jobs import members
from gateway.models import Job, JobMember, Transfer
from gateway.storage.address import Credentials
from gateway.transfers import lifecycle as transfers
from gateway.work import outbox, quotas, transitions
from gateway.work.acceptance import Draft, insert_drafts
from gateway.work.outbox import Message

SECRET = "a/secret+key=1"
KEYS = Credentials("access", SECRET)
S3: dict[str, Any] = {
    "endpoint": "https://s3.example.org",
    "bucket": "b",
    "object": "o.csv",
    "region": "local",
}


def create(session: Session, draft: Draft) -> UUID:
    """Insert a checked row in a transaction of the test's."""
    quotas.admit(session, draft.row.owner, draft.cluster, type(draft.row))
    insert_drafts(session, [draft])
    return draft.row.id


def new_transfer(
    kind: str = "s3_data",
    infrastructure: str = "hpc",
    path: str = "serrano/data/x.csv",
    owner: str = LOCAL.owner,
) -> UUID:
    request = transfers.S3Request(kind=kind, infrastructure=infrastructure, path=path, opening=KEYS, **S3)
    with session_scope() as session:
        return create(session, transfers.draft(session, owner, request))


def new_job(*services: str, infrastructure: str = "hpc", owner: str = LOCAL.owner, **params: Any) -> UUID:
    request = jobs.JobRequest(
        list(services) or ["fft"], infrastructure, {"read_input_data": "/x.csv", **params}
    )
    with session_scope() as session:
        return create(session, jobs.draft(session, owner, request))


def transfer(row_id: UUID) -> Transfer:
    with session_scope(read_only=True) as session:
        return session.get_one(Transfer, row_id)


def job(row_id: UUID) -> Job:
    with session_scope(read_only=True) as session:
        return session.get_one(Job, row_id, options=[undefer(Job.watched_at)])


@contextmanager
def sending() -> Iterator[list[Message]]:
    """Collect the messages that commits send in the block."""
    before, sent = outbox.publisher, list[Message]()
    outbox.publisher = sent.extend
    try:
        yield sent
    finally:
        outbox.publisher = before


def told(row_id: UUID) -> list[tuple[str, str, int, int]]:
    """Return what a transfer's history says: from and to which state, in which attempt, by which claim."""
    with session_scope(read_only=True) as session:
        events = transitions.events(session, session.get_one(Transfer, row_id))
    return [(each.from_state, each.to_state, each.attempt, each.claim) for each in events]


def new_sweep(*params: dict[str, Any], owner: str = LOCAL.owner, **shared: Any) -> UUID:
    """Insert a job of `fft` with these members."""
    row_id = new_job("fft", owner=owner, **shared)
    with session_scope() as session:
        base = {"read_input_data": "/x.csv", **shared}
        members.insert_members(session, session.get_one(Job, row_id), params, base)
    return row_id


def members_of(row_id: UUID) -> list[JobMember]:
    with session_scope(read_only=True) as session:
        return members.load_members(session, row_id)
