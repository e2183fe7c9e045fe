"""Actions on a row of a transfer or a job: list, show its history, cancel and retry."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Generic, TypeVar
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from api.deps import Caller, read
from api.idempotency import AnswerStore, Body
from api.problems import responses
from api.schemas.listing import HistoryEvent, JobQuery, TransferQuery
from api.schemas.retries import Action
from gateway.callers import LOCAL
from gateway.credentials import stored as stored_credentials
from gateway.db import session_scope
from gateway.jobs.resources import ResourceRequest
from gateway.models import Job, Transfer
from gateway.operations import retries
from gateway.storage.address import Secret
from gateway.work import listing, transitions
from gateway.work.listing import Kind

ACTION_PROBLEMS = responses(400, 404, 409, 422, 503)
LONGEST_ACTOR = 255
Row = TypeVar("Row", bound=Transfer | Job)
Find = Callable[[Session], Row]
Cancel = Callable[[Session, Row, str, str], None]


@dataclass(frozen=True)
class Actor:
    """The actor of the history: the authenticated owner, or without accounts the client's own name."""

    owner: str
    address: str

    def name(self, by: str) -> str:
        """Return the name for the history of a client that calls itself `by`."""
        if self.owner == LOCAL.owner:
            return by or self.address
        return f"{self.owner} as {by}"[:LONGEST_ACTOR] if by else self.owner


async def _actor(caller: Caller, request: Request) -> Actor:
    return Actor(caller.owner, f"client at {request.client.host}" if request.client else "client")


ActingCaller = Annotated[Actor, Depends(_actor)]


@dataclass(frozen=True)
class ActionRequest(Generic[Row]):
    """A request to act on a row: the row's query, the actor, and the store of the answer."""

    find: Find[Row]
    actor: Actor
    answers: AnswerStore


def list_page(
    model: type[Row], kind: Kind, query: TransferQuery | JobQuery, caller: Caller
) -> tuple[list[Row], str | None, dict[str, int] | None]:
    """Return a page of the rows that the caller may see, the next cursor and, for the first, the counts."""
    row_filter = replace(query.to_filter(), owner=caller.only_owner)

    def load(session: Session) -> tuple[list[Row], str | None, dict[str, int] | None]:
        where = listing.filter_conditions(row_filter, kind)
        counts = None if query.cursor else listing.count_by_state(session, row_filter, kind)
        return *listing.fetch_page(session, model, where, query.cursor, query.limit), counts

    return read(load)


def list_events(find: Find[Row]) -> list[HistoryEvent]:
    """Return a row's history."""
    events = read(lambda session: transitions.events(session, find(session)))
    return [HistoryEvent.model_validate(event) for event in events]


def cancel_row(
    request: ActionRequest[Row], action: Action | None, cancel: Cancel[Row], show: Callable[[Row], Body]
) -> Body:
    """Cancel a row, or request the cancel from the worker that holds it."""
    action = action or Action()
    with request.answers.acquired(), session_scope() as session:
        row = request.find(session)
        session.refresh(row, with_for_update=True)
        cancel(session, row, request.actor.name(action.by), action.reason)
        return request.answers.store(session, show(row))


def retry_row(
    request: ActionRequest[Row],
    action: Action | None,
    show: Callable[[Row], Body],
    credential: Secret | UUID | None = None,
    *,
    resources: ResourceRequest | None = None,
) -> Body:
    """Retry a row, with a fresh credential or other resources if there are any."""
    action = action or Action()
    with request.answers.acquired(), session_scope() as session:
        row = request.find(session)
        retries.lock_for_retry(session, row)
        secret = _fresh_secret(session, row, credential)
        actor = request.actor.name(action.by)
        retries.retry(session, row, actor, action.reason, secret, resources=resources)
        return request.answers.store(session, show(row))


def _fresh_secret(session: Session, row: Transfer | Job, credential: Secret | UUID | None) -> Secret | None:
    if credential is None or not isinstance(row, Transfer):
        return None
    return stored_credentials.resolve_secret(session, row.owner, credential, row.endpoint)
