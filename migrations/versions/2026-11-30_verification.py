"""Transfers say how their bytes were verified, with warnings; buckets are known whose ETags are MD5s."""

import sqlalchemy as sa
from alembic import op

revision = "verification"
down_revision = "reads"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("transfers", sa.Column("verification", sa.Text(), server_default="", nullable=False))
    op.add_column("transfers", sa.Column("warnings", sa.JSON(), server_default="[]", nullable=False))
    op.create_table(
        "md5_etags",
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("endpoint", "bucket"),
    )


def downgrade() -> None:
    op.drop_table("md5_etags")
    op.drop_column("transfers", "warnings")
    op.drop_column("transfers", "verification")
