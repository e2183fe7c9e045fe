"""Retries by hand: the actor of an event, the run of a job, and indexes for lists of transfers."""

import sqlalchemy as sa
from alembic import op

revision = "operators"
down_revision = "first_light"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("events") as events:
        events.add_column(sa.Column("actor", sa.String(length=255), nullable=False, server_default=""))
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(sa.Column("run", sa.Integer(), nullable=False, server_default="1"))
    op.create_index("ix_transfers_infrastructure_state", "transfers", ["infrastructure", "state"])
    op.create_index("ix_transfers_created_at", "transfers", ["created_at"])


def downgrade() -> None:
    op.drop_index("ix_transfers_created_at", "transfers")
    op.drop_index("ix_transfers_infrastructure_state", "transfers")
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_column("run")
    with op.batch_alter_table("events") as events:
        events.drop_column("actor")
