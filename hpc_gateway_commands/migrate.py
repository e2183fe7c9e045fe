"""`hpc-gateway migrate`: the schema of the database."""

from typing import Annotated

import typer

from hpc_gateway_commands.database import check_revision, explained_errors, refuse_newer
from migrations import upgrade


def migrate(
    revision: Annotated[str, typer.Argument(help="The version to bring the database to.")] = "head",
) -> None:
    """Create the database or bring it to the newest version; safe to start several times at once."""
    check_revision(revision)
    with explained_errors() as engine:
        refuse_newer(engine)
        upgrade(engine, revision)
