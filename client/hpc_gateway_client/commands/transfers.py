"""`hpc-gateway transfers`: list transfers and print their histories, beside the shared commands."""

from collections import Counter
from typing import Annotated

import typer

from hpc_gateway_client.commands import output
from hpc_gateway_client.commands.connection import connect
from hpc_gateway_client.commands.durations import parse_since
from hpc_gateway_client.commands.output import LOCAL_URL, AsJson, Since, Url
from hpc_gateway_client.commands.rows import (
    Id,
    Limit,
    On,
    Reason,
    State,
    add_row_commands,
    print_history,
    print_rows,
)
from hpc_gateway_client.models import TRANSFER_KINDS, Transfer

app = typer.Typer(no_args_is_help=True, help="Transfers: files to a cluster and back.")
add_row_commands(app)


@app.command("list")
def list_transfers(
    *,
    kind: Annotated[list[str] | None, typer.Option(help="data, s3_data or s3_result; else all.")] = None,
    state: State = None,
    on: On = None,
    reason: Reason = None,
    since: Since = "",
    limit: Limit = 20,
    url: Url = LOCAL_URL,
    as_json: AsJson = False,
) -> None:
    """List transfers, newest first."""
    filters = {"state": state, "infrastructure": on, "reason": reason, "limit": limit}
    unknown = set(kind or []) - set(TRANSFER_KINDS)
    if unknown:
        raise typer.BadParameter(f"{', '.join(unknown)}: there are {', '.join(TRANSFER_KINDS)}")
    rows: list[Transfer] = []
    counts: Counter[str] = Counter()
    with connect(url) as gateway:
        for each in TRANSFER_KINDS:
            if not kind or each in kind:
                page = gateway.transfers(each, since=parse_since(since), **filters)
                rows += page.items
                counts.update(page.counts or {})
    rows.sort(key=lambda row: row.created_at, reverse=True)
    print_rows(rows[:limit], counts, as_json=as_json)


@app.command("log")
def print_events(row_id: Id, url: Url = LOCAL_URL, *, as_json: AsJson = False) -> None:
    """Show the history of a transfer."""
    with connect(url) as gateway:
        events = gateway.events(gateway.find(row_id))
    if as_json:
        output.print_json(events)
    else:
        print_history(events)
