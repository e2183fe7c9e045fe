"""An index of the ended transfers that still have credentials, by which these are found and erased."""

import sqlalchemy as sa
from alembic import op

revision = "kept_credentials"
down_revision = "idempotency"
branch_labels = None
depends_on = None

KEPT = sa.text("credentials IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_transfers_kept_credentials",
        "transfers",
        ["ended_at"],
        postgresql_where=KEPT,
        sqlite_where=KEPT,
    )


def downgrade() -> None:
    op.drop_index("ix_transfers_kept_credentials", "transfers")
