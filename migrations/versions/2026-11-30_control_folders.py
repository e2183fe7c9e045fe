"""The control area of a job's runs, and the identity of their output folder."""

import sqlalchemy as sa
from alembic import op

revision = "control_folders"
down_revision = "kept_credentials"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # "" marks the runs from before: all their files lie in one folder.
    op.add_column("jobs", sa.Column("control_root", sa.Text(), server_default="", nullable=False))
    op.add_column("jobs", sa.Column("output_identity", sa.String(length=64), nullable=True))


def downgrade() -> None:
    op.drop_column("jobs", "output_identity")
    op.drop_column("jobs", "control_root")
