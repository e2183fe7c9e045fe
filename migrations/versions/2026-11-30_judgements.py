"""Staged tables have judgements: how the kernels understand them, and previews."""

import sqlalchemy as sa
from alembic import op

revision = "judgements"
down_revision = "workflows"
branch_labels = None
depends_on = None

OPEN = "ended_at IS NULL"


def upgrade() -> None:
    op.create_table(
        "judgements",
        sa.Column("transfer_id", sa.Uuid(), nullable=False),
        sa.Column("infrastructure", sa.String(63), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("understood", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("preview", sa.LargeBinary(), nullable=True),
        sa.Column("claim", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["transfer_id"], ["transfers.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("transfer_id"),
    )
    op.create_index(
        "ix_judgements_open",
        "judgements",
        ["infrastructure", "created_at"],
        postgresql_where=sa.text(OPEN),
        sqlite_where=sa.text(OPEN),
    )


def downgrade() -> None:
    op.drop_table("judgements")
