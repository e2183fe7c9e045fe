"""The owner of each row; rows from before accounts belong to `local`."""

import sqlalchemy as sa
from alembic import op

revision = "owners"
down_revision = "staging"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("transfers", "jobs"):
        with op.batch_alter_table(name) as table:
            table.add_column(
                sa.Column("owner", sa.String(length=255), nullable=False, server_default="local")
            )
        with op.batch_alter_table(name) as table:
            table.alter_column("owner", server_default=None)
        op.create_index(f"ix_{name}_owner", name, ["owner", "created_at"])


def downgrade() -> None:
    for name in ("jobs", "transfers"):
        op.drop_index(f"ix_{name}_owner", name)
        with op.batch_alter_table(name) as table:
            table.drop_column("owner")
