"""`hpc-gateway prune`: what ended long ago goes, with its history and with its files on the clusters."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from gateway.cli import output

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def prune(
    *,
    older_than: Annotated[str, typer.Option("--older-than", help="Ended so long ago: 90m, 36h, 30d.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; else only show what would go.")] = False,
) -> None:
    """Remove transfers and jobs that ended long ago; runs where the database is, like `migrate`."""
    from gateway.db import session_scope  # noqa: PLC0415  likewise
    from gateway.operations import retention  # noqa: PLC0415  see cli/service.py

    before = ended_before(older_than)
    with session_scope(read_only=True) as session:
        found = retention.count_expired(session, before)
    lines = [(e.kind, e.infrastructure, str(e.rows), output.size(e.staged_bytes)) for e in found]
    output.table(("kind", "cluster", "rows", "staged"), lines)
    if not yes:
        output.console().print(f"{sum(e.rows for e in found)} would go (--yes does it)")
        return
    total = 0
    while True:
        with session_scope() as session:
            marked = retention.mark_expired(session, before)
        if not marked:
            break
        total += marked
    output.console().print(
        f"{total} go: at once, or as soon as their cluster's worker has removed their files"
    )


def ended_before(text: str) -> datetime:
    """Read `90m`, `36h` or `30d` as the moment so long ago."""
    found = re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", text, re.ASCII)
    if found is None:
        raise typer.BadParameter(f"{text!r} is not like 90m, 36h or 30d", param_hint="--older-than")
    return datetime.now(UTC) - timedelta(**{_UNITS[found[2]]: int(found[1])})
