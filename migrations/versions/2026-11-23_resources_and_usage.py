"""The requested resources of a job, and its usage."""

import sqlalchemy as sa
from alembic import op

revision = "resources_and_usage"
down_revision = "operators"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("resources", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("jobs", sa.Column("usage", sa.JSON(none_as_null=True), nullable=True))
    with op.batch_alter_table("jobs") as jobs:
        jobs.alter_column("resources", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_column("usage")
        jobs.drop_column("resources")
