"""The time of a request to remove a row, after its cluster's worker has removed the files."""

import sqlalchemy as sa
from alembic import op

revision = "retention"
down_revision = "stored_credentials"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("transfers", "jobs"):
        op.add_column(name, sa.Column("prune_requested_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for name in ("transfers", "jobs"):
        with op.batch_alter_table(name) as table:
            table.drop_column("prune_requested_at")
