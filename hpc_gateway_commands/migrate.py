"""`hpc-gateway migrate`: the schema of the database."""

from typing import Annotated

import typer

from gateway.db import get_engine
from migrations import upgrade


def migrate(
    revision: Annotated[str, typer.Argument(help="The version to bring the database to.")] = "head",
) -> None:
    """Create the database or bring it to the newest version; safe to start several times at once."""
    upgrade(get_engine(), revision)
