"""`hpc-gateway retry`: try again everything that ended badly and that a filter finds."""

from typing import Annotated

import typer

from hpc_gateway_client.commands import output
from hpc_gateway_client.commands.connection import connect
from hpc_gateway_client.commands.durations import parse_since
from hpc_gateway_client.commands.output import LOCAL_URL, AsJson, Since, Url
from hpc_gateway_client.commands.rows import On, Reason, State, Why, user_at_host
from hpc_gateway_client.models import TRANSFER_KINDS

KINDS = (*TRANSFER_KINDS, "job")


def retry_matching(
    *,
    kind: Annotated[
        list[str] | None, typer.Option(help="s3_data, s3_result, job; all when left out.")
    ] = None,
    state: State = None,
    on: On = None,
    reason: Reason = None,
    since: Since = "",
    why: Why = "",
    yes: Annotated[bool, typer.Option("--yes", help="Retry; without it, only list the rows.")] = False,
    url: Url = LOCAL_URL,
    as_json: AsJson = False,
) -> None:
    """Try again everything that ended badly and that the filter finds."""
    wanted = {"kind": kind or list(KINDS), "state": state, "infrastructure": on, "reason": reason}
    with connect(url) as gateway:
        filters = wanted | {"since": parse_since(since)}
        done = gateway.retry_many(filters, user_at_host(), why, dry_run=not yes)
    if as_json:
        output.print_json(done)
        return
    lines = [(str(item.id), item.kind, item.refusal) for item in done.items]
    output.print_table(("id", "kind", "left alone because"), lines)
    verb = "retried" if yes else "would be retried (--yes retries them)"
    output.print_line(f"{done.retried} of {done.found} {verb}")
