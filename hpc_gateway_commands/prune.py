"""`hpc-gateway prune`: remove transfers, jobs and workflows that ended long ago, with history and files."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from gateway.db import session_scope
from gateway.operations.retention import count_expired, mark_expired
from hpc_gateway_client.commands import output
from hpc_gateway_client.commands.durations import parse_duration
from hpc_gateway_commands.database import ready_database


def prune(
    *,
    older_than: Annotated[str, typer.Option("--older-than", help="Ended so long ago: 90m, 36h, 30d.")],
    yes: Annotated[bool, typer.Option("--yes", help="Remove; without it, only count the rows.")] = False,
) -> None:
    """Remove transfers and jobs that ended long ago; runs where the database is, like `migrate`."""
    before = _ended_before(older_than)
    with ready_database():
        _prune(before, yes=yes)


def _prune(before: datetime, *, yes: bool) -> None:
    with session_scope(read_only=True) as session:
        found = count_expired(session, before)
    lines = [(e.kind, e.infrastructure, str(e.rows), output.size_text(e.staged_bytes)) for e in found]
    output.print_table(("kind", "cluster", "rows", "staged"), lines)
    if yes:
        outcome = (
            f"{_mark_all(before)} rows are removed: at once, or as soon as"
            " their cluster's worker has removed their files"
        )
    else:
        outcome = f"{sum(e.rows for e in found)} rows would be removed (--yes removes them)"
    output.print_line(outcome)


def _mark_all(before: datetime) -> int:
    """Mark the rows for removal, batch by batch, each in a transaction of its own."""
    total, marked = 0, 1
    while marked:
        with session_scope() as session:
            marked = mark_expired(session, before)
        total += marked
    return total


def _ended_before(text: str) -> datetime:
    duration = parse_duration(text)
    if not duration:
        raise typer.BadParameter(f"{text!r} is not like 90m, 36h or 30d", param_hint="--older-than")
    return datetime.now(UTC) - duration
