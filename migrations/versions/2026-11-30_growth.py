"""The number of runs of an attempt of a job that got larger resources than the run before."""

import sqlalchemy as sa
from alembic import op

revision = "growth"
down_revision = "turns"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("growths", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    with op.batch_alter_table("jobs") as table:
        table.drop_column("growths")
