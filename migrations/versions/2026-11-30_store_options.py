"""Transfers whose account pays for the requests."""

import sqlalchemy as sa
from alembic import op

revision = "store_options"
down_revision = "verification"
branch_labels = None
depends_on = None


def upgrade() -> None:
    payer: sa.Column[bool] = sa.Column(
        "requester_pays", sa.Boolean(), nullable=False, server_default=sa.false()
    )
    op.add_column("transfers", payer)


def downgrade() -> None:
    op.drop_column("transfers", "requester_pays")
