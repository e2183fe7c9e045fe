"""`hpc-gateway jobs` and `hpc-gateway transfers`: what an operator does with either."""

import getpass
import socket
import sys
import time
from typing import Annotated

import typer

from gateway.cli import output
from gateway.cli.connection import connect, connect_to_wait
from gateway.cli.output import LOCAL_URL, AsJson, Url
from gateway.cli.watching import steps
from hpc_gateway_client import Event, GatewayClientError, Job, Store, Transfer

jobs = typer.Typer(no_args_is_help=True, help="Jobs: kernels on a cluster.")
transfers = typer.Typer(no_args_is_help=True, help="Transfers: files to a cluster and back.")

FOLLOW_S = 1.0
Id = Annotated[str, typer.Argument(help="The id that the gateway gave.")]
Ids = Annotated[list[str], typer.Argument(help="One id or more.")]
Why = Annotated[str, typer.Option(help="Why; it stays in the history.")]


def show(row_id: Id, url: Url = LOCAL_URL, *, as_json: AsJson = False) -> None:
    """Show everything about one, and what happened to it."""
    with connect(url) as gateway:
        row = gateway.find(row_id)
        events = gateway.events(row)
    if as_json:
        output.print_json(row)
        return
    fields = row.model_dump(mode="json")
    shown = [(name, str(value)) for name, value in fields.items() if value not in (None, "", [], {})]
    output.table(("", ""), shown)
    _history(events)


def _history(events: list[Event]) -> None:
    rows = [
        (
            event.at.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
            str(event.attempt),
            output.coloured(event.to_state),
            event.actor or event.worker,
            event.reason,
        )
        for event in events
    ]
    output.table(("time", "try", "state", "by", "reason"), rows, "History")


@transfers.command("log")
def transfer_log(row_id: Id, url: Url = LOCAL_URL, *, as_json: AsJson = False) -> None:
    """Show what happened to a transfer."""
    with connect(url) as gateway:
        events = gateway.events(gateway.find(row_id))
    if as_json:
        output.print_json(events)
    else:
        _history(events)


@jobs.command("log")
def job_log(
    row_id: Id,
    *,
    stderr: Annotated[bool, typer.Option("--stderr", help="What it wrote to stderr.")] = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")] = False,
    url: Url = LOCAL_URL,
) -> None:
    """Print what a job has written."""
    stream, offset = "stderr" if stderr else "stdout", 0
    with connect(url) as gateway:
        while True:
            row = gateway.find(row_id)
            if isinstance(row, Transfer):
                raise GatewayClientError(f"{row_id} is a transfer: hpc-gateway transfers log {row_id}")
            while (piece := gateway.log(row, stream, offset)).text:
                sys.stdout.write(piece.text)
                offset = piece.next_offset
            sys.stdout.flush()
            if row.ended or not follow:
                return
            time.sleep(FOLLOW_S)


def cancel(ids: Ids, *, why: Why = "", url: Url = LOCAL_URL, as_json: AsJson = False) -> None:
    """Stop work that has not ended."""
    with connect(url) as gateway:
        rows = [gateway.cancel(gateway.find(row_id), me(), why) for row_id in ids]
    _done(rows, as_json=as_json)


def retry(
    ids: Ids,
    *,
    why: Why = "",
    fresh_keys: Annotated[
        bool, typer.Option("--fresh-keys", help="Send the store's keys again: from --profile or AWS_*.")
    ] = False,
    profile: Annotated[str | None, typer.Option(help="AWS profile of the fresh keys.")] = None,
    url: Url = LOCAL_URL,
    as_json: AsJson = False,
) -> None:
    """Try again what ended badly, by id; `hpc-gateway retry` does it by a filter."""
    rows: list[Transfer | Job] = []
    with connect(url) as gateway:
        for row_id in ids:
            row = gateway.find(row_id)
            bucket = (
                row.bucket if isinstance(row, Transfer) and row.bucket and (fresh_keys or profile) else None
            )
            store = Store.from_environment(bucket, profile) if bucket else None
            rows.append(gateway.retry(row, me(), why, store))
    _done(rows, as_json=as_json)


def watch(
    row_id: Id,
    timeout: Annotated[float | None, typer.Option(help="Give up after so many seconds.")] = None,
    url: Url = LOCAL_URL,
    *,
    as_json: AsJson = False,
) -> None:
    """Follow one until it has ended; the exit code says how."""
    with connect_to_wait(url) as gateway, steps() as step:
        row = gateway.find(row_id)
        title = f"{row.kind} {row.id}"
        ended = gateway.wait(row, step(title), timeout)
    _done([ended], as_json=as_json)


def _done(rows: list[Transfer | Job], *, as_json: bool) -> None:
    if as_json:
        output.print_json(rows)
    else:
        for row in rows:
            output.console().print(f"{row.kind} {row.id}", output.coloured(row.state))


def me() -> str:
    """Name who sits at this terminal, for the history."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


for _app in (jobs, transfers):
    for _name, _command in (("show", show), ("cancel", cancel), ("retry", retry), ("watch", watch)):
        _app.command(_name)(_command)
