"""The resume state and the throughput of a transfer, and transfers of whole prefixes."""

import sqlalchemy as sa
from alembic import op

revision = "staging"
down_revision = "heartbeats"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("transfers") as transfers:
        transfers.add_column(sa.Column("upload_id", sa.Text(), nullable=False, server_default=""))
        transfers.add_column(sa.Column("leftovers", sa.Boolean(), nullable=False, server_default=sa.false()))
        transfers.add_column(sa.Column("bytes_per_s", sa.BigInteger(), nullable=True))
        transfers.add_column(sa.Column("estimated_end_at", sa.DateTime(timezone=True), nullable=True))
        transfers.add_column(sa.Column("parent_id", sa.Uuid(), nullable=True))
        transfers.add_column(sa.Column("children", sa.JSON(none_as_null=True), nullable=True))
    with op.batch_alter_table("transfers") as transfers:
        transfers.alter_column("upload_id", server_default=None)
        transfers.alter_column("leftovers", server_default=None)
    op.create_index("ix_transfers_parent_id", "transfers", ["parent_id", "state"])


def downgrade() -> None:
    op.drop_index("ix_transfers_parent_id", "transfers")
    with op.batch_alter_table("transfers") as transfers:
        for name in ("children", "parent_id", "estimated_end_at", "bytes_per_s", "leftovers", "upload_id"):
            transfers.drop_column(name)
