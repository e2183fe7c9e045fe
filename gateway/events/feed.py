"""The feed: events in the order of commits, each with kind, owner and cluster of its row.

One query reads a batch for all readers. A replay reads the events of one reader behind a cursor of its own,
in windows, so that no statement passes over the whole history.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, case, func, literal, select, tuple_, union_all

from gateway.events.cursor import PLACE, Cursor, end_cursor, is_behind, is_lost
from gateway.models import Event, Job, Transfer, Workflow

WINDOW = 2000
_TOLD = (
    *(Event.at, Event.from_state, Event.to_state, Event.attempt),
    *(Event.worker, Event.actor, Event.reason),
)
_ROWS = Transfer, Job, Workflow
_owner = func.coalesce(*(model.owner for model in _ROWS))
_kind = func.coalesce(
    Transfer.kind,
    case((Job.id.is_not(None), literal("job")), (Workflow.id.is_not(None), literal("workflow"))),
)
_infrastructure = func.coalesce(*(model.infrastructure for model in _ROWS))
_is_part = Transfer.parent_id.is_not(None)
_workflow_id = func.coalesce(Transfer.workflow_id, Job.workflow_id, Workflow.id)


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """An event of a row. A part is a row with a parent: a child of a prefix.

    `workflow_id` names the workflow that is the row, or of which the row is a step.
    """

    cursor: Cursor
    kind: str
    row_id: UUID
    owner: str
    infrastructure: str
    is_part: bool
    workflow_id: UUID | None
    at: datetime
    from_state: str
    to_state: str
    attempt: int
    worker: str
    actor: str
    reason: str

    @property
    def word(self) -> str:
        """The name of the event: kind and state."""
        return f"{self.kind}.{self.to_state}"

    def data(self) -> dict[str, Any]:
        """Return the event as readers see it."""
        return {
            "kind": self.kind,
            "id": self.row_id,
            "infrastructure": self.infrastructure,
            "owner": self.owner,
            "at": self.at,
            "from_state": self.from_state,
            "to_state": self.to_state,
            "attempt": self.attempt,
            "worker": self.worker,
            "actor": self.actor,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class FeedScope:
    """The events of one reader: those of an owner's rows without parts, or of all owners'.

    Those of one row, or of a workflow and its steps, have no gap: prune deletes them with the row.
    """

    owner: str | None = None
    row_id: UUID | None = None
    workflow_id: UUID | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the reader's events are there as long as their row."""
        return self.row_id is not None or self.workflow_id is not None

    def condition(self) -> ColumnElement[bool]:
        """Return the condition of the reader's events."""
        if self.row_id is not None:
            return Event.work_id == self.row_id
        if self.workflow_id is not None:
            return Event.work_id.in_(_select_rows_of(self.workflow_id))
        own = _kind.is_not(None) if self.owner is None else _owner == self.owner
        return own & ~_is_part


@dataclass(frozen=True)
class Replay:
    """A window of a reader's events, and the cursor behind it; `reset` when events before are lost."""

    events: list[FeedEvent]
    cursor: Cursor
    is_end: bool = True
    reset: bool = False


def read_feed(connection: Connection, cursor: Cursor, limit: int) -> tuple[list[FeedEvent], Cursor]:
    """Return the next events behind the cursor, and the cursor behind them; without those of pruned rows."""
    found = connection.execute(_select_feed(is_behind(connection, cursor)).limit(limit)).all()
    events = [_event(row) for row in found if row.kind is not None]
    return events, Cursor(found[-1].xid, found[-1].id) if found else cursor


def replay(connection: Connection, cursor: Cursor, scope: FeedScope) -> Replay:
    """Return the next window of the reader's events behind its cursor."""
    end = end_cursor(connection)
    if cursor > end or (not scope.is_whole and is_lost(connection, cursor)):
        return Replay([], end, reset=True)
    last = None
    if not scope.is_whole:
        after = select(*PLACE).where(is_behind(connection, cursor)).order_by(*PLACE)
        last = connection.execute(after.offset(WINDOW - 1).limit(1)).first()
    end = Cursor(*last) if last else end
    within = is_behind(connection, cursor), tuple_(*PLACE) <= tuple_(end.xid, end.event_id)
    found = connection.execute(_select_feed(scope.condition(), *within)).all()
    return Replay([_event(row) for row in found if row.kind is not None], end, is_end=last is None)


def _select_rows_of(workflow_id: UUID) -> Select[Any]:
    """Select the ids of a workflow and of its steps."""
    steps = (select(model.id).where(model.workflow_id == workflow_id) for model in (Transfer, Job))
    return select(union_all(select(literal(workflow_id)), *steps).subquery().c[0])


def _select_feed(*conditions: ColumnElement[bool]) -> Select[Any]:
    of_row = _kind.label("kind"), _owner.label("owner"), _infrastructure.label("infrastructure")
    place = _is_part.label("is_part"), _workflow_id.label("workflow_id")
    columns: list[Any] = [*PLACE, Event.work_id, *_TOLD, *of_row, *place]
    joined = select(*columns).select_from(Event)
    for model in _ROWS:
        joined = joined.outerjoin(model, model.id == Event.work_id)
    return joined.where(*conditions).order_by(*PLACE)


def _event(row: Any) -> FeedEvent:
    told = (getattr(row, column.key) for column in _TOLD)
    return FeedEvent(
        Cursor(row.xid, row.id),
        *(row.kind, row.work_id, row.owner, row.infrastructure, bool(row.is_part), row.workflow_id),
        *told,
    )
