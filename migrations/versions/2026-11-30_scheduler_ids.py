"""Indexes by which jobs and members are found by the scheduler's id."""

import sqlalchemy as sa
from alembic import op

revision = "scheduler_ids"
down_revision = "member_results"
branch_labels = None
depends_on = None

TABLES = ("jobs", "job_members")
KNOWN = "scheduler_id <> ''"


def upgrade() -> None:
    for table in TABLES:
        op.create_index(
            f"ix_{table}_scheduler_id",
            table,
            ["scheduler_id"],
            postgresql_where=sa.text(KNOWN),
            sqlite_where=sa.text(KNOWN),
        )


def downgrade() -> None:
    for table in TABLES:
        op.drop_index(f"ix_{table}_scheduler_id", table)
