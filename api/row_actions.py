"""What the routers of transfers and jobs share: lists, histories, cancels and retries of a row."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from api.deps import Caller, read
from api.idempotency import Attempt, Shown
from api.schemas.listing import HistoryEvent, JobQuery, TransferQuery
from api.schemas.retries import Action
from gateway.callers import LOCAL
from gateway.credentials import stored as stored_credentials
from gateway.db import session_scope
from gateway.jobs import lifecycle as jobs
from gateway.models import Job, Transfer
from gateway.operations import retries
from gateway.storage.address import Secret
from gateway.transfers import lifecycle as transfers
from gateway.work import listing, transitions
from gateway.work.listing import Kind

LONGEST_ACTOR = 255
Row = TypeVar("Row", bound=Transfer | Job)
Find = Callable[[Session], Row]


@dataclass(frozen=True)
class Actor:
    """Who is written into the history: the owner that was recognised, else what the client says."""

    owner: str
    address: str

    def name(self, by: str) -> str:
        """Return the name to write down when the client calls itself `by`."""
        if self.owner == LOCAL.owner:
            return by or self.address
        return f"{self.owner} as {by}"[:LONGEST_ACTOR] if by else self.owner


def _actor(caller: Caller, request: Request) -> Actor:
    return Actor(caller.owner, f"client at {request.client.host}" if request.client else "client")


ActingCaller = Annotated[Actor, Depends(_actor)]


def list_page(
    model: type[Row], kind: Kind, query: TransferQuery | JobQuery, caller: Caller
) -> tuple[list[Row], str | None, dict[str, int] | None]:
    """Return a page of the rows that the caller may see, the next cursor and, for the first, the counts."""
    wanted = replace(query.wanted(), owner=caller.only_owner)

    def load(session: Session) -> tuple[list[Row], str | None, dict[str, int] | None]:
        where = listing.filter_conditions(wanted, kind)
        counts = None if query.cursor else listing.count_by_state(session, wanted, kind)
        return *listing.fetch_page(session, model, where, query.cursor, query.limit), counts

    return read(load)


def list_events(find: Find[Row]) -> list[HistoryEvent]:
    """Return a row's history."""
    return [
        HistoryEvent.of(event) for event in read(lambda session: transitions.events(session, find(session)))
    ]


def cancel_row(
    find: Find[Row], action: Action | None, actor: Actor, once: Attempt, show: Callable[[Row], Shown]
) -> Shown:
    """Cancel a row, or ask for it."""
    action = action or Action()
    with session_scope() as session:
        row = find(session)
        session.refresh(row, with_for_update=True)
        if isinstance(row, Transfer):
            transfers.cancel(session, row, actor.name(action.by), action.reason)
        else:
            jobs.cancel(session, row, actor.name(action.by), action.reason)
        return once.keep(session, show(row))


def _fresh(session: Session, row: Transfer | Job, opening: Secret | UUID | None) -> Secret | None:
    """Return the fresh secret of a retry, if there is one."""
    if opening is None or not isinstance(row, Transfer):
        return None
    return stored_credentials.resolve_secret(session, row.owner, opening, row.endpoint)


def retry_row(  # noqa: PLR0917 (what, who, and how it is answered)
    find: Find[Row],
    action: Action | None,
    actor: Actor,
    once: Attempt,
    show: Callable[[Row], Shown],
    opening: Secret | UUID | None = None,
) -> Shown:
    """Retry a row."""
    action = action or Action()
    with session_scope() as session:
        row = find(session)
        retries.lock_for_retry(session, row)
        secret = _fresh(session, row, opening)
        retries.retry(session, row, actor.name(action.by), action.reason, secret)
        return once.keep(session, show(row))
