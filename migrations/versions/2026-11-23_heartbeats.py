"""The heartbeats of each cluster's worker: the state of its scheduler and its filesystem."""

import sqlalchemy as sa
from alembic import op

revision = "heartbeats"
down_revision = "resources_and_usage"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "heartbeats",
        sa.Column("infrastructure", sa.String(length=63), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("worker", sa.String(length=255), nullable=False),
        sa.Column("scheduler", sa.Text(), nullable=False),
        sa.Column("filesystem", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("infrastructure"),
    )


def downgrade() -> None:
    op.drop_table("heartbeats")
