"""`hpc-gateway jobs`: list and retry jobs and print their logs, beside the shared commands."""

import sys
import time
from typing import Annotated

import typer

from hpc_gateway_client.calls import Resources
from hpc_gateway_client.commands.cleaning import clean_log
from hpc_gateway_client.commands.connection import connect
from hpc_gateway_client.commands.durations import parse_since
from hpc_gateway_client.commands.output import LOCAL_URL, AsJson, Since, Url
from hpc_gateway_client.commands.resources import with_resources
from hpc_gateway_client.commands.rows import (
    Id,
    Ids,
    Limit,
    On,
    Reason,
    State,
    Why,
    add_row_commands,
    print_rows,
    print_states,
    user_at_host,
)
from hpc_gateway_client.errors import GatewayClientError
from hpc_gateway_client.gateway import Gateway
from hpc_gateway_client.models import Job, Transfer

FOLLOW_S = 1.0
app = typer.Typer(no_args_is_help=True, help="Jobs: kernels on a cluster.")
add_row_commands(app)


@app.command("list")
def list_jobs(
    *,
    state: State = None,
    on: On = None,
    service: Annotated[str | None, typer.Option(help="With this service.")] = None,
    reason: Reason = None,
    since: Since = "",
    limit: Limit = 20,
    url: Url = LOCAL_URL,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first."""
    filters = {"state": state, "infrastructure": on, "service": service, "reason": reason, "limit": limit}
    with connect(url) as gateway:
        page = gateway.jobs(since=parse_since(since), **filters)
    print_rows(page.items, page.counts or {}, as_json=as_json)


@app.command("log")
def print_log(
    row_id: Id,
    *,
    stderr: Annotated[bool, typer.Option("--stderr", help="Print stderr instead of stdout.")] = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")] = False,
    url: Url = LOCAL_URL,
) -> None:
    """Print the output of a job."""
    stream, offset = "stderr" if stderr else "stdout", 0
    with connect(url) as gateway:
        while True:
            row = gateway.find(row_id)
            if isinstance(row, Transfer):
                raise GatewayClientError(f"{row_id} is a transfer: hpc-gateway transfers log {row_id}")
            while (piece := gateway.log(row, stream, offset)).text:
                sys.stdout.write(clean_log(piece.text))
                offset = piece.next_offset
            sys.stdout.flush()
            if row.ended or not follow:
                return
            time.sleep(FOLLOW_S)


@app.command("retry")
@with_resources
def retry_jobs(
    ids: Ids,
    *,
    why: Why = "",
    url: Url = LOCAL_URL,
    as_json: AsJson = False,
    resources: Resources,
) -> None:
    """Run jobs that ended badly again, by id, with other resources where the old ones did not suffice."""
    with connect(url) as gateway:
        rows = [_retry(gateway, row_id, why, resources) for row_id in ids]
    print_states(rows, as_json=as_json)


def _retry(gateway: Gateway, row_id: str, why: str, resources: Resources) -> Transfer | Job:
    row = gateway.find(row_id)
    if resources and isinstance(row, Transfer):
        raise GatewayClientError(f"{row_id} is a transfer, which has no resources: leave their options out")
    return gateway.retry(row, user_at_host(), why, resources=resources)
