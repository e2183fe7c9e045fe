"""The turns of owners: the message of each row, the rows that wait for a turn, the slots of each worker."""

import sqlalchemy as sa
from alembic import op

revision = "turns"
down_revision = "control_folders"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("transfers", "jobs"):
        op.add_column(name, sa.Column("message_id", sa.Uuid(), nullable=True))
        op.add_column(name, sa.Column("turn_at", sa.DateTime(timezone=True), nullable=True))
        for column, columns in (("message_id", []), ("turn_at", ["turn_at"])):
            condition = sa.text(f"{column} IS NOT NULL")
            op.create_index(
                f"ix_{name}_{column}",
                name,
                ["infrastructure", "owner", *columns],
                postgresql_where=condition,
                sqlite_where=condition,
            )
    op.add_column("transfers", sa.Column("resumable", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.create_table(
        "worker_slots",
        sa.Column("infrastructure", sa.String(length=63), nullable=False),
        sa.Column("worker", sa.String(length=255), nullable=False),
        sa.Column("long", sa.Integer(), nullable=False),
        sa.Column("short", sa.Integer(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("infrastructure", "worker"),
    )


def downgrade() -> None:
    op.drop_table("worker_slots")
    for name in ("transfers", "jobs"):
        rows = sa.table(name, sa.column("next_send_at"), sa.column("turn_at"))
        # The sweeper of the version before sends a row that waits for its turn.
        op.execute(rows.update().where(rows.c.turn_at.is_not(None)).values(next_send_at=rows.c.turn_at))
        for column in ("message_id", "turn_at"):
            op.drop_index(f"ix_{name}_{column}", name)
    with op.batch_alter_table("transfers") as table:
        table.drop_column("resumable")
    for name in ("transfers", "jobs"):
        with op.batch_alter_table(name) as table:
            table.drop_column("turn_at")
            table.drop_column("message_id")
