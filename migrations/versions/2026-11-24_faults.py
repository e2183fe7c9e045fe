"""The class of a row's failure."""

import sqlalchemy as sa
from alembic import op

revision = "faults"
down_revision = "owners"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("transfers", "jobs"):
        op.add_column(table, sa.Column("fault", sa.String(20), nullable=True))


def downgrade() -> None:
    for table in ("transfers", "jobs"):
        with op.batch_alter_table(table) as altered:
            altered.drop_column("fault")
