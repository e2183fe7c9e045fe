"""Workflows, and the steps of workflows among transfers and jobs."""

import sqlalchemy as sa
from alembic import op

revision = "workflows"
down_revision = "watched_jobs"
branch_labels = None
depends_on = None

LISTS = ((), ("state",), ("owner",), ("owner", "state"))
STEPS = sa.text("workflow_id IS NOT NULL")
CHECKING = sa.text("check_until IS NOT NULL")


def _time(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "workflows",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("infrastructure", sa.String(63), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("fault", sa.String(20), nullable=True),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("input_secret", sa.Text(), nullable=True),
        sa.Column("output_secret", sa.Text(), nullable=True),
        sa.Column("refusals", sa.JSON(), nullable=False),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        *map(_time, ("check_until", "cancel_requested_at", "prune_requested_at")),
        _time("created_at", nullable=False),
        _time("updated_at", nullable=False),
        _time("ended_at"),
        sa.PrimaryKeyConstraint("id"),
    )
    for columns in LISTS:
        name = "_".join(("ix_workflows_list", *columns))
        op.create_index(name, "workflows", [*columns, "created_at", "id"])
    op.create_index(
        "ix_workflows_check_until",
        "workflows",
        ["check_until"],
        postgresql_where=CHECKING,
        sqlite_where=CHECKING,
    )
    for table in ("transfers", "jobs"):
        op.add_column(table, sa.Column("workflow_id", sa.Uuid(), nullable=True))
        op.add_column(table, sa.Column("step", sa.String(100), nullable=True))
        op.create_index(
            f"ix_{table}_workflow_id",
            table,
            ["workflow_id", "step"],
            unique=True,
            postgresql_where=STEPS,
            sqlite_where=STEPS,
        )


def downgrade() -> None:
    for table in ("transfers", "jobs"):
        op.drop_index(f"ix_{table}_workflow_id", table)
        with op.batch_alter_table(table) as changed:
            changed.drop_column("step")
            changed.drop_column("workflow_id")
    op.drop_table("workflows")
