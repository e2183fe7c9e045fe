"""Jobs found by the bits of their services, or as watched ones by index; the last look at a cluster."""

import sqlalchemy as sa
from alembic import op

revision = "watched_jobs"
down_revision = "store_options"
branch_labels = None
depends_on = None

SERVICES = ("kalman", "fft", "min_max", "savitzky_golay", "black_scholes", "wavelet", "kmean", "knn")
WATCHED = "finding IS NULL AND state IN ('pending', 'running')"


def upgrade() -> None:
    op.add_column("heartbeats", sa.Column("watched_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("jobs", sa.Column("heard_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("jobs", sa.Column("service_bits", sa.Integer(), nullable=False, server_default="0"))
    jobs = sa.table("jobs", sa.column("services", sa.Text()), sa.column("service_bits", sa.Integer()))
    for number, name in enumerate(SERVICES):
        having = jobs.update().where(jobs.c.services.contains(f" {name} ", autoescape=True))
        op.execute(having.values(service_bits=jobs.c.service_bits + (1 << number)))
    # The scheduler was last heard of an ended job when its end was found.
    op.execute(
        "UPDATE jobs SET heard_until = COALESCE(ended_at, updated_at)"
        " WHERE submitted_at IS NOT NULL AND (finding IS NOT NULL OR state NOT IN ('pending', 'running'))"
    )
    with op.batch_alter_table("jobs") as table:
        table.alter_column("service_bits", server_default=None)
    op.create_index(
        "ix_jobs_watched",
        "jobs",
        ["infrastructure", "cancel_requested_at", "submitted_at"],
        postgresql_where=sa.text(WATCHED),
        sqlite_where=sa.text(WATCHED),
    )


def downgrade() -> None:
    op.drop_index("ix_jobs_watched", "jobs")
    op.execute("UPDATE jobs SET services = ' ' || TRIM(services) || ' '")
    with op.batch_alter_table("jobs") as table:
        table.drop_column("service_bits")
        table.drop_column("heard_until")
    with op.batch_alter_table("heartbeats") as table:
        table.drop_column("watched_at")
