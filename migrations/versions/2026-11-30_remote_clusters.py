"""Clusters that are added over REST and served: their revisions, and the revision with which a row began."""

import sqlalchemy as sa
from alembic import op

revision = "remote_clusters"
down_revision = "judgements"
branch_labels = None
depends_on = None

WORK = ("transfers", "jobs")


def upgrade() -> None:
    with op.batch_alter_table("infrastructures") as table:
        table.add_column(sa.Column("port", sa.Integer(), nullable=False, server_default="22"))
        table.add_column(sa.Column("host_key", sa.Text(), nullable=False, server_default=""))
        table.add_column(sa.Column("python", sa.Text(), nullable=False, server_default=""))
        table.add_column(sa.Column("roots", sa.JSON(), nullable=False, server_default="[]"))
        table.add_column(sa.Column("revision", sa.Integer(), nullable=False, server_default="1"))
    with op.batch_alter_table("infrastructures") as table:
        for name in ("port", "host_key", "python", "roots", "revision"):
            table.alter_column(name, server_default=None)
    op.create_table(
        "infrastructure_revisions",
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", "revision"),
    )
    op.add_column("heartbeats", sa.Column("definition", sa.String(16), nullable=True))
    for table_name in WORK:
        op.add_column(table_name, sa.Column("definition", sa.Integer(), nullable=True))


def downgrade() -> None:
    for table_name in WORK:
        with op.batch_alter_table(table_name) as table:
            table.drop_column("definition")
    with op.batch_alter_table("heartbeats") as table:
        table.drop_column("definition")
    op.drop_table("infrastructure_revisions")
    with op.batch_alter_table("infrastructures") as table:
        for name in ("port", "host_key", "python", "roots", "revision"):
            table.drop_column(name)
