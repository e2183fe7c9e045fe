"""Idempotency: a request with a key is carried out once, and its repetitions get the first answer.

A key is acquired in a transaction of its own, so that a repetition sees that the first is still running. The
answer is stored in the transaction that writes the request's row: a crash leaves both or neither, and when it
leaves neither, the key is free again after LEASE_S. A refused request releases its key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway.db import db_now, due_in
from gateway.encryption import fingerprints
from gateway.errors import GatewayError
from gateway.models import IdempotencyKey

KEPT_S = 24 * 3600.0
LEASE_S = 5.0  # renewed while the request runs; then its process is taken for dead
EXPIRED_BATCH = 500


class KeyInUse(GatewayError):
    """The first request with this key has not been answered yet."""

    status = 409
    title = "Still running"
    retry_after_s = 1.0


class KeyUsed(GatewayError):
    """The key came with another request before."""

    status = 422
    title = "Key of another request"


@dataclass(frozen=True)
class KeyedRequest:
    """A request with a key of its owner's; `content` is all that a repetition must have in common."""

    owner: str
    key: str
    content: bytes


@dataclass(frozen=True)
class Ticket:
    """The right to carry out the request of a key; `number` is raised whenever the key is taken."""

    owner: str
    key: str
    number: int


@dataclass(frozen=True)
class StoredAnswer:
    """The answer to the first request."""

    status: int
    body: str


def acquire(session: Session, request: KeyedRequest) -> Ticket | StoredAnswer:
    """Acquire the key for this request, or return the answer to its first request.

    Raises
    ------
    KeyInUse
        When the first request with this key is still running.
    KeyUsed
        When the key belongs to another request.
    """
    expired, waits = IdempotencyKey.expires_at < db_now(), IdempotencyKey.lease_until >= db_now()
    mine = IdempotencyKey.owner == request.owner, IdempotencyKey.key == request.key
    found = session.execute(
        select(IdempotencyKey, expired, waits).where(*mine).with_for_update()
    ).one_or_none()
    prints = fingerprints(request.content)
    if found is None:
        return _insert_key(session, request, prints[0])
    row, is_expired, is_running = found
    if not is_expired:
        _check_request(row, prints, is_running=is_running)
        if row.status is not None:
            return StoredAnswer(row.status, row.body or "")
    return _renew_key(row, prints[0])


def _insert_key(session: Session, request: KeyedRequest, fingerprint: str) -> Ticket:
    row = IdempotencyKey(owner=request.owner, key=request.key, number=0)
    ticket = _renew_key(row, fingerprint)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:  # another request inserted it a moment earlier
        raise key_in_use(request.key) from None
    return ticket


def _check_request(row: IdempotencyKey, prints: list[str], *, is_running: bool) -> None:
    if row.fingerprint not in prints:
        raise KeyUsed(f"the Idempotency-Key {row.key!r} came with another request before: use a new one")
    if row.status is None and is_running:
        raise key_in_use(row.key)


def _renew_key(row: IdempotencyKey, fingerprint: str) -> Ticket:
    row.number += 1
    row.fingerprint = fingerprint
    row.status = row.body = None
    row.lease_until, row.expires_at = due_in(LEASE_S), due_in(KEPT_S)
    return Ticket(row.owner, row.key, row.number)


def find_answers(
    session: Session, requests: Sequence[KeyedRequest]
) -> list[StoredAnswer | GatewayError | None]:
    """Return for each request its stored answer, the error of its key, or None where the key is free.

    Keys that expired, or whose request died, are deleted with that.
    """
    if not requests:
        return []
    expired, waits = IdempotencyKey.expires_at < db_now(), IdempotencyKey.lease_until >= db_now()
    wanted = tuple_(IdempotencyKey.owner, IdempotencyKey.key).in_(
        [(each.owner, each.key) for each in requests]
    )
    found = {
        (row[0].owner, row[0].key): row
        for row in session.execute(select(IdempotencyKey, expired, waits).where(wanted))
    }
    return [_find_answer(session, each, found.get((each.owner, each.key))) for each in requests]


def _find_answer(session: Session, request: KeyedRequest, found: Any) -> StoredAnswer | GatewayError | None:
    if found is None:
        return None
    row, is_expired, is_running = found
    if not is_expired:
        try:
            _check_request(row, fingerprints(request.content), is_running=is_running)
        except GatewayError as error:
            return error
        if row.status is not None:
            return StoredAnswer(row.status, row.body or "")
    session.execute(delete(IdempotencyKey).where(_is_same(row)))
    return None


def insert_answers(session: Session, answers: Mapping[KeyedRequest, StoredAnswer]) -> set[KeyedRequest]:
    """Store the answers of new keys in the transaction of their rows; return the requests that have theirs.

    A key that another process has taken in the meantime is not among them. The keys are inserted in order,
    so that no two transactions wait for each other.
    """
    ordered = sorted(answers, key=lambda each: (each.owner, each.key))
    if not ordered:
        return set()
    make = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    rows = [
        {
            "owner": each.owner,
            "key": each.key,
            "number": 1,
            "fingerprint": fingerprints(each.content)[0],
            "status": answers[each].status,
            "body": answers[each].body,
            "lease_until": due_in(0),
            "expires_at": due_in(KEPT_S),
        }
        for each in ordered
    ]
    new = make(IdempotencyKey).values(rows).on_conflict_do_nothing()
    stored = new.returning(IdempotencyKey.owner, IdempotencyKey.key)
    taken = {(owner, key) for owner, key in session.connection().execute(stored)}
    return {each for each in ordered if (each.owner, each.key) in taken}


def store_answer(session: Session, ticket: Ticket, answer: StoredAnswer) -> None:
    """Store the answer in the transaction of the request's row, or raise KeyInUse when the key was lost."""
    kept = update(IdempotencyKey).where(_is_held(ticket)).values(status=answer.status, body=answer.body)
    written = kept.returning(IdempotencyKey.number).execution_options(synchronize_session=False)
    if session.execute(written).one_or_none() is None:
        raise key_in_use(ticket.key)


def renew(session: Session, ticket: Ticket) -> None:
    """Renew the lease of a key whose request still runs."""
    held = update(IdempotencyKey).where(_is_held(ticket)).values(lease_until=due_in(LEASE_S))
    session.execute(held.execution_options(synchronize_session=False))


def release(session: Session, ticket: Ticket) -> None:
    """Delete the key of a refused request, which has left no row."""
    mine = delete(IdempotencyKey).where(_is_held(ticket))
    session.execute(mine.execution_options(synchronize_session=False))


def forget_expired(session: Session) -> None:
    """Delete a batch of expired keys."""
    old = select(IdempotencyKey).where(IdempotencyKey.expires_at < db_now()).limit(EXPIRED_BATCH)
    for row in session.scalars(old.with_for_update(skip_locked=True)):
        session.delete(row)


def _is_held(ticket: Ticket) -> ColumnElement[bool]:
    return and_(
        IdempotencyKey.owner == ticket.owner,
        IdempotencyKey.key == ticket.key,
        IdempotencyKey.number == ticket.number,
        IdempotencyKey.status.is_(None),
    )


def _is_same(row: IdempotencyKey) -> ColumnElement[bool]:
    """Return the condition of the key as it was read: neither taken nor answered since."""
    mine = IdempotencyKey.owner == row.owner, IdempotencyKey.key == row.key
    return and_(*mine, IdempotencyKey.number == row.number, IdempotencyKey.lease_until == row.lease_until)


def key_in_use(key: str) -> KeyInUse:
    """Return the error of a key whose first request is still running."""
    return KeyInUse(f"the first request with the Idempotency-Key {key!r} is still running: ask again shortly")
