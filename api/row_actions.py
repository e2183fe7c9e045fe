"""Actions on a row of a transfer or a job: cancel and retry."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from api.deps import Caller
from api.idempotency import AnswerStore, Body
from api.problems import responses
from api.schemas.retries import Action
from gateway.callers import LOCAL
from gateway.credentials import stored as stored_credentials
from gateway.db import session_scope
from gateway.jobs.resources import ResourceRequest
from gateway.models import Job, Transfer
from gateway.operations import retries
from gateway.settings import get_settings
from gateway.storage.address import Secret, StoredKeys
from gateway.storage.own_store import check_foreign

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
    credential: Secret | StoredKeys | None = None,
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


def _fresh_secret(
    session: Session, row: Transfer | Job, credential: Secret | StoredKeys | None
) -> Secret | None:
    if credential is None or not isinstance(row, Transfer):
        return None
    check_foreign(row.endpoint, get_settings(), "bucket", row.bucket)
    return stored_credentials.resolve_secret(session, row.owner, credential, row.endpoint)
