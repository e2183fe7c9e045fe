"""The table of credentials that requests name by id."""

import sqlalchemy as sa
from alembic import op

revision = "stored_credentials"
down_revision = "faults"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "credentials",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_credentials_owner", "credentials", ["owner", "created_at"])


def downgrade() -> None:
    op.drop_index("ix_credentials_owner", "credentials")
    op.drop_table("credentials")
