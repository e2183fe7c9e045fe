"""Deletion of events by prune, with the mark that tells older cursors of the gap."""

from uuid import UUID

from sqlalchemy import BigInteger, Connection, Text, cast, delete, func, select, tuple_, update
from sqlalchemy.orm import Session

from gateway.models import Event, PrunedEvents, Webhook, WebhookCursor


def delete_events(session: Session, work_id: UUID) -> None:
    """Delete the events of a row; the mark moves to the last of them unless it is beyond."""
    place = Event.xid, Event.id
    of_row = Event.work_id == work_id
    last = session.execute(
        select(*place).where(of_row).order_by(Event.xid.desc(), Event.id.desc()).limit(1)
    ).first()
    session.execute(delete(Event).where(of_row))
    if last is not None:
        earlier = tuple_(PrunedEvents.xid, PrunedEvents.event_id) < tuple_(*last)
        moved = update(PrunedEvents).where(earlier).values(xid=last.xid, event_id=last.id)
        session.execute(moved.execution_options(synchronize_session=False))


def renumber_restored(connection: Connection) -> None:
    """Put events of a restored database before all that come, as they keep numbers of the old server.

    Only PostgreSQL has numbers of transactions, and a dump brings them to a server that counts its own.
    """
    if connection.dialect.name == "sqlite":
        return
    coming = cast(cast(func.pg_snapshot_xmax(func.pg_current_snapshot()), Text), BigInteger)
    for model in (Event, PrunedEvents, Webhook, WebhookCursor):
        connection.execute(update(model).where(model.xid >= coming).values(xid=0))
