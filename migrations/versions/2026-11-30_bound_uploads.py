"""The upload in parts to which a file is bound."""

import sqlalchemy as sa
from alembic import op

revision = "bound_uploads"
down_revision = "members"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("files", sa.Column("upload_id", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("files", "upload_id")
