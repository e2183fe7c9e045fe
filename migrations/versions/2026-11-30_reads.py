"""The order of events by transaction, the mark of the pruned ones, their notification; indexes of lists."""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

revision = "reads"
down_revision = "growth"
branch_labels = None
depends_on = None

COLUMNS = ((), ("state",), ("owner",), ("owner", "state"))
LISTS: list[tuple[str, tuple[str, ...], tuple[str, ...], str | None]] = [
    *(("jobs", columns, (), None) for columns in COLUMNS),
    *(("transfers", ("kind", *columns), ("parent_id",), "parent_id IS NULL") for columns in COLUMNS),
    ("transfers", ("parent_id",), ("kind",), "parent_id IS NOT NULL"),
    ("transfers", ("parent_id", "state"), ("kind",), "parent_id IS NOT NULL"),
]
REPLACED = [
    ("ix_jobs_created_at", "jobs", ["created_at"]),
    ("ix_jobs_owner", "jobs", ["owner", "created_at"]),
    ("ix_transfers_created_at", "transfers", ["created_at"]),
    ("ix_transfers_owner", "transfers", ["owner", "created_at"]),
    ("ix_transfers_parent_id", "transfers", ["parent_id", "state"]),
]
BY_CLUSTER = "ix_transfers_infrastructure_state"
NOTIFY = """
CREATE FUNCTION gateway_notify_events() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_notify('gateway_events', ''); RETURN NULL; END $$
"""
TRIGGER = """
CREATE TRIGGER gateway_events_inserted AFTER INSERT ON events
FOR EACH STATEMENT EXECUTE FUNCTION gateway_notify_events()
"""


def upgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    # The events from before belong to the transaction of this migration, in the order of their ids.
    number = "(pg_current_xact_id()::text::bigint)" if on_postgresql else "0"
    column = sa.Column("xid", sa.BigInteger(), server_default=sa.text(number), nullable=False)
    if on_postgresql:
        op.add_column("events", column)
        op.execute(NOTIFY)
        op.execute(TRIGGER)
    else:
        _rebuild_events(column)
    op.create_index("ix_events_order", "events", ["xid", "id"])
    op.create_table(
        "pruned_events",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("xid", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.execute("INSERT INTO pruned_events (number, xid, event_id) VALUES (1, 0, 0)")
    for name, table, keys, where in _list_indexes():
        condition = None if where is None else sa.text(where)
        op.create_index(name, table, keys, postgresql_where=condition, sqlite_where=condition)
    for name, table, _ in REPLACED:
        op.drop_index(name, table)
    op.drop_index(BY_CLUSTER, "transfers")
    op.create_index(BY_CLUSTER, "transfers", ["infrastructure", "state", "kind"])


def _rebuild_events(column: sa.Column[int]) -> None:
    """Make SQLite's table anew, with ids that are never given twice."""
    with op.batch_alter_table(
        "events", recreate="always", table_kwargs={"sqlite_autoincrement": True}
    ) as table:
        table.add_column(column)


def _list_indexes() -> Iterator[tuple[str, str, list[str], str | None]]:
    """Yield the name, the table, the columns and the condition of each index."""
    for table, columns, last, where in LISTS:
        yield "_".join(("ix", table, "list", *columns)), table, [*columns, "created_at", "id", *last], where


def downgrade() -> None:
    op.drop_index(BY_CLUSTER, "transfers")
    op.create_index(BY_CLUSTER, "transfers", ["infrastructure", "state"])
    for name, table, columns in REPLACED:
        op.create_index(name, table, columns)
    for name, table, _, _ in _list_indexes():
        op.drop_index(name, table)
    op.drop_table("pruned_events")
    op.drop_index("ix_events_order", "events")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER gateway_events_inserted ON events")
        op.execute("DROP FUNCTION gateway_notify_events()")
        op.drop_column("events", "xid")
        return
    with op.batch_alter_table(
        "events", recreate="always", table_kwargs={"sqlite_autoincrement": False}
    ) as events:
        events.drop_column("xid")
