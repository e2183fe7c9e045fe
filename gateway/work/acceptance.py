"""Acceptance of new work: the rows of a batch of requests in one transaction, or one by one after a conflict.

A request is checked before anything is written, so that one that is refused costs the others nothing. The
stored answer of an `Idempotency-Key` is written in its row's transaction: a crash leaves both or neither.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field, replace
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from sqlalchemy import Insert, insert
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from gateway.clusters.catalog import hold_cluster
from gateway.clusters.configuration import Cluster
from gateway.db import due_in, session_scope
from gateway.errors import GatewayError
from gateway.models import Job, Transfer
from gateway.models.base import fill_defaults
from gateway.settings import get_settings
from gateway.work import idempotency, quotas, transitions
from gateway.work.idempotency import KeyedRequest, StoredAnswer, key_in_use
from gateway.work.outbox import message_for, publish
from gateway.work.turns import Model, give_turns

PAUSE_S = 0.25
Row = Transfer | Job


@dataclass(frozen=True)
class Draft:
    """A checked row with its defaults that is not inserted yet, and its cluster, whose limits it must fit."""

    row: Row
    cluster: Cluster

    def __post_init__(self) -> None:
        self.row.definition = self.cluster.revision or None
        fill_defaults(self.row)


@dataclass(frozen=True)
class Submission:
    """A request for new work: how its row is made, how the row is shown, its key, and its context."""

    draft: Callable[[Session], Draft]
    show: Callable[[Any], str]
    keyed: KeyedRequest | None = None
    context: Context = field(default_factory=copy_context)


@dataclass(frozen=True)
class Accepted:
    """The answer to a request that was carried out: now, or when it came for the first time."""

    answer: StoredAnswer
    is_repetition: bool = False


Result = Accepted | Exception


def accept(submissions: Sequence[Submission]) -> list[Result]:
    """Carry out the requests; the result of each is its answer or its error.

    A request that is repeated in the batch, with its key, gets the result of the first.
    """
    firsts: dict[KeyedRequest | int, int] = {}
    same = [firsts.setdefault(each.keyed or number, number) for number, each in enumerate(submissions)]
    found = dict(
        zip(firsts.values(), _accept_distinct([submissions[n] for n in firsts.values()]), strict=True)
    )
    return [found[n] if n == number else _repeat(found[n]) for number, n in enumerate(same)]


def _repeat(result: Result) -> Result:
    return replace(result, is_repetition=True) if isinstance(result, Accepted) else result


def _accept_distinct(submissions: Sequence[Submission]) -> list[Result]:
    """Carry out the requests; one whose key came with another before follows in a later transaction."""
    first, repeated = _split(submissions)
    results = dict(zip(first, _accept_all([submissions[n] for n in first]), strict=True))
    if repeated:
        results |= zip(repeated, _accept_distinct([submissions[n] for n in repeated]), strict=True)
    return [results[n] for n in range(len(submissions))]


def insert_drafts(session: Session, drafts: Sequence[Draft], contexts: Iterable[Context] = ()) -> None:
    """Insert the rows with their first events; publish as many as the turns of their owners allow."""
    rows = [draft.row for draft in drafts]
    give_turns(session, rows)
    for model in (Transfer, Job):
        mine = [row for row in rows if isinstance(row, model)]
        _insert(session, model, [row for row in mine if row.message_id], is_published=True)
        _insert(session, model, [row for row in mine if not row.message_id], is_published=False)
    transitions.begin(session, rows)
    sent_from = list(contexts) or [copy_context() for _ in rows]
    for row, context in zip(rows, sent_from, strict=True):
        if row.message_id:
            publish(session, replace(message_for(row, first=True), context=context))


def _split(submissions: Sequence[Submission]) -> tuple[list[int], list[int]]:
    """Return the numbers of the requests whose key comes for the first time, and of the others."""
    seen: set[tuple[str, str]] = set()
    first, repeated = list[int](), list[int]()
    for number, each in enumerate(submissions):
        key = (each.keyed.owner, each.keyed.key) if each.keyed else None
        (repeated if key in seen else first).append(number)
        if key:
            seen.add(key)
    return first, repeated


def _accept_all(submissions: Sequence[Submission]) -> list[Result]:
    """Carry out the requests in one transaction; wait for a database that is away."""
    until = time.monotonic() + get_settings().database_wait_s
    while True:
        batch = _Batch(submissions)
        try:
            return batch.run()
        except SQLAlchemyError as error:
            if batch.is_written or (len(submissions) == 1 and not _is_away(error)):
                return [error] * len(submissions)
            if not _is_away(error):
                return _accept_singly(submissions)
            if time.monotonic() > until:
                return [error] * len(submissions)
        time.sleep(PAUSE_S)


def _accept_singly(submissions: Sequence[Submission]) -> list[Result]:
    """Carry out each request in a transaction of its own, as one of them failed all."""
    until = time.monotonic() + get_settings().database_wait_s
    results: list[Result] = []
    for each in submissions:
        is_late = bool(results) and time.monotonic() > until and isinstance(results[-1], SQLAlchemyError)
        results += [results[-1]] if is_late else _accept_all([each])
    return results


def _is_away(error: SQLAlchemyError) -> bool:
    """Tell whether the connection failed, and not a statement."""
    if not isinstance(error, DBAPIError):
        return False
    return error.connection_invalidated or (isinstance(error, OperationalError) and error.statement is None)


class _Batch:
    """One transaction for many requests. While `is_written` is false, nothing of it is committed."""

    def __init__(self, submissions: Sequence[Submission]) -> None:
        self._submissions = submissions
        self._results: dict[int, Result] = {}
        self.is_written = False

    def run(self) -> list[Result]:
        """Carry out the requests, and return the result of each."""
        with session_scope() as session:
            self._replay(session)
            drafts = self._admit(session, self._draft(session))
            answers = {n: self._show(n, draft) for n, draft in drafts.items()}
            self._keep_answers(session, answers)
            kept = {n: draft for n, draft in drafts.items() if n not in self._results}
            if kept:
                contexts = [self._submissions[n].context for n in kept]
                insert_drafts(session, list(kept.values()), contexts)
            self.is_written = True
        self._results |= {n: Accepted(answers[n]) for n in kept}
        return [self._results[n] for n in range(len(self._submissions))]

    def _replay(self, session: Session) -> None:
        """Answer the requests whose key has an answer, or belongs to another request."""
        keyed = {n: each.keyed for n, each in enumerate(self._submissions) if each.keyed}
        found = idempotency.find_answers(session, list(keyed.values()))
        for number, answer in zip(keyed, found, strict=True):
            if answer is not None:
                self._results[number] = (
                    Accepted(answer, is_repetition=True) if isinstance(answer, StoredAnswer) else answer
                )

    def _draft(self, session: Session) -> dict[int, Draft]:
        drafts = {}
        for number, submission in enumerate(self._submissions):
            if number not in self._results:
                try:
                    draft = submission.draft(session)
                    hold_cluster(session, draft.cluster.name)
                    drafts[number] = draft
                except SQLAlchemyError:
                    raise
                except Exception as error:  # noqa: BLE001  it is this request's alone
                    self._results[number] = error
        return drafts

    def _admit(self, session: Session, drafts: dict[int, Draft]) -> dict[int, Draft]:
        """Return the rows that fit the limits."""
        admission = quotas.Admission(session, ((each.row.owner, each.cluster) for each in drafts.values()))
        admitted = {}
        for number, draft in drafts.items():
            try:
                admission.admit(draft.row.owner, draft.cluster, type(draft.row))
            except GatewayError as error:
                self._results[number] = error
            else:
                admitted[number] = draft
        return admitted

    def _show(self, number: int, draft: Draft) -> StoredAnswer:
        return StoredAnswer(HTTPStatus.CREATED, self._submissions[number].show(draft.row))

    def _keep_answers(self, session: Session, answers: dict[int, StoredAnswer]) -> None:
        """Store the answers of keys; a request whose key was taken in the meantime is carried out there."""
        keyed = {n: key for n in answers if (key := self._submissions[n].keyed)}
        kept = idempotency.insert_answers(session, {key: answers[n] for n, key in keyed.items()})
        for number, key in keyed.items():
            if key not in kept:
                self._results[number] = key_in_use(key.key)


def _insert(session: Session, model: Model, rows: Sequence[Row], *, is_published: bool) -> None:
    """Insert rows that are published, or that wait for a turn, by Core; columns that none has stay NULL."""
    if rows:
        names, statement = _insertion(model, is_published, get_settings().send_again_s)
        set_names = [name for name in names if any(vars(row)[name] is not None for row in rows)]
        values = [{name: vars(row)[name] for name in set_names} for row in rows]
        session.connection().execute(statement, values)


@lru_cache
def _insertion(model: Model, is_published: bool, send_again_s: float) -> tuple[list[str], Insert]:  # noqa: FBT001
    """Return the columns that rows have, and the statement, which sets the others by the database's clock."""
    by_clock = {"next_send_at": due_in(send_again_s)} if is_published else {"turn_at": due_in(0)}
    names = [column.key for column in model.__table__.columns if column.key not in by_clock]
    return names, insert(model).values(by_clock)
