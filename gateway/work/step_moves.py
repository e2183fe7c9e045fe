"""Moves of steps: the workflows whose steps have begun to be worked on or have ended in a transaction.

The listener is called once, before the commit of the transaction that moved them: a step begins in the
transaction that ends the one before. `gateway.workflows.advance` is the listener; every process that moves
rows imports it.
"""

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from uuid import UUID

from sqlalchemy import event
from sqlalchemy.orm import Session

Listener = Callable[[Session, AbstractSet[UUID]], None]
_KEY = "workflows whose steps moved"


def no_listener(_session: Session, _workflow_ids: AbstractSet[UUID]) -> None:
    """Refuse to move a step in a process without the listener."""
    raise RuntimeError("this process moves steps of workflows: it has not imported gateway.workflows.advance")


listener: Listener = no_listener


def record_moves(session: Session, workflow_ids: Iterable[UUID]) -> None:
    """Have the listener called for these workflows before the commit of the session's transaction."""
    found = set(workflow_ids)
    if found and listener is no_listener:
        no_listener(session, found)
    session.info.setdefault(_KEY, set()).update(found)


@event.listens_for(Session, "before_commit")
def _call_listener(session: Session) -> None:
    """Call the listener before a commit, which the end of a savepoint is not."""
    if not session.in_nested_transaction() and (moved := session.info.pop(_KEY, None)):
        listener(session, moved)
