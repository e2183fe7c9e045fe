"""The environment of Alembic: it runs the migrations on the connection of the configuration."""

from typing import Literal

from alembic import context

from gateway.db import UTCDateTime
from gateway.models import Base


def render_item(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Render UTCDateTime as SQLAlchemy's own type, so that old migrations never depend on our code."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UTCDateTime) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    compare_type=True,
    render_as_batch=True,
    render_item=render_item,
)
with context.begin_transaction():
    context.run_migrations()
