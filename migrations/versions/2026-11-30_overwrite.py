"""Transfers that leave an existing file as it is."""

import sqlalchemy as sa
from alembic import op

revision = "overwrite"
down_revision = "watched_jobs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    overwrite: sa.Column[bool] = sa.Column(
        "overwrite", sa.Boolean(), nullable=False, server_default=sa.true()
    )
    op.add_column("transfers", overwrite)


def downgrade() -> None:
    op.drop_column("transfers", "overwrite")
