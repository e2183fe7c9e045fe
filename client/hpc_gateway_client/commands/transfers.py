"""`hpc-gateway transfers`: list and retry transfers and print their histories, beside the shared commands."""

from collections import Counter
from typing import Annotated

import typer

from hpc_gateway_client.commands import output
from hpc_gateway_client.commands.clusters import check_filter
from hpc_gateway_client.commands.connection import connect
from hpc_gateway_client.commands.durations import parse_since
from hpc_gateway_client.commands.lookup import find_row
from hpc_gateway_client.commands.nearest import check_words
from hpc_gateway_client.commands.output import LOCAL_URL, AsJson, Since, Url
from hpc_gateway_client.commands.rows import (
    FreshKeys,
    Id,
    Ids,
    KeysProfile,
    Limit,
    On,
    Reason,
    State,
    Why,
    act_on,
    add_row_commands,
    print_history,
    print_rows,
    user_at_host,
)
from hpc_gateway_client.models import TRANSFER_KINDS, TRANSFER_STATES, Job, Transfer
from hpc_gateway_client.store import Store

app = typer.Typer(no_args_is_help=True, help="Transfers: files to a cluster and back.")
add_row_commands(app, "transfer")


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
    check_words(kind, TRANSFER_KINDS, "kind of transfers")
    check_words(state, TRANSFER_STATES, "state of a transfer")
    rows: list[Transfer] = []
    counts: Counter[str] = Counter()
    with connect(url) as gateway:
        for each in TRANSFER_KINDS:
            if not kind or each in kind:
                page = gateway.transfers(each, since=parse_since(since), **filters)
                rows += page.items
                counts.update(page.counts or {})
        check_filter(gateway, on, len(rows))
    rows.sort(key=lambda row: row.created_at, reverse=True)
    print_rows(rows[:limit], counts, as_json=as_json)


@app.command("log")
def print_events(row_id: Id, url: Url = LOCAL_URL, *, as_json: AsJson = False) -> None:
    """Show the history of a transfer."""
    with connect(url) as gateway:
        events = gateway.history(find_row(gateway, row_id, "transfer"))
    if as_json:
        output.print_json(events)
    else:
        print_history(events)


@app.command("retry")
def retry_transfers(
    ids: Ids,
    *,
    why: Why = "",
    fresh_keys: FreshKeys = False,
    profile: KeysProfile = None,
    url: Url = LOCAL_URL,
    as_json: AsJson = False,
) -> None:
    """Try again transfers that ended badly, by id; `hpc-gateway retry` takes a filter."""
    with connect(url) as gateway:
        rows = [find_row(gateway, row_id, "transfer") for row_id in ids]
        stores = {row.id: _store_of(row, profile) for row in rows if fresh_keys or profile}
        act_on(
            rows,
            lambda row: gateway.retry(row, user_at_host(), why, stores.get(row.id)),
            as_json=as_json,
        )


def _store_of(row: Transfer | Job, profile: str | None) -> Store | None:
    """Return the store of a transfer with the keys of this environment."""
    if isinstance(row, Transfer) and row.bucket:
        return Store.from_environment(row.bucket, profile)
    return None
