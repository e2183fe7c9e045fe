"""The class of a member's failure, and copies of members' results in the gateway's bucket."""

import sqlalchemy as sa
from alembic import op

revision = "member_results"
down_revision = "bound_uploads"
branch_labels = None
depends_on = None

_COPY = ["job_id", "run", "service"]


def upgrade() -> None:
    op.add_column("job_members", sa.Column("fault", sa.String(20), nullable=True))
    op.add_column("files", sa.Column("member", sa.Integer(), nullable=False, server_default="0"))
    op.drop_index("ix_files_result", "files")
    op.create_index("ix_files_result", "files", [*_COPY, "member"], unique=True)


def downgrade() -> None:
    op.execute("DELETE FROM files WHERE member > 0")  # copies, which are made again on request
    op.drop_index("ix_files_result", "files")
    op.create_index("ix_files_result", "files", _COPY, unique=True)
    op.drop_column("files", "member")
    op.drop_column("job_members", "fault")
