"""The commands that `jobs` and `transfers` share: show, cancel and watch, by id."""

import getpass
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, TypeVar

import typer

from hpc_gateway_client.commands import output
from hpc_gateway_client.commands.completion import cluster_names, one_of
from hpc_gateway_client.commands.connection import before_work, connect, connect_to_wait
from hpc_gateway_client.commands.details import describe_row
from hpc_gateway_client.commands.durations import parse_timeout
from hpc_gateway_client.commands.lookup import find_row
from hpc_gateway_client.commands.output import LOCAL_URL, AsJson, Url
from hpc_gateway_client.commands.progress import progress_lines
from hpc_gateway_client.errors import Refused
from hpc_gateway_client.models import (
    JOB_STATES,
    TRANSFER_STATES,
    WORKFLOW_STATES,
    Event,
    Job,
    Transfer,
    Workflow,
)

AnyRow = TypeVar("AnyRow", bound=Transfer | Job | Workflow)
STATES = {*TRANSFER_STATES, *JOB_STATES, *WORKFLOW_STATES}
Id = Annotated[str, typer.Argument(metavar="ID", help="The id that the gateway gave.")]
Ids = Annotated[list[str], typer.Argument(help="One id or more.")]
Why = Annotated[str, typer.Option(help="Why; it stays in the history.")]
State = Annotated[
    list[str] | None,
    typer.Option(help="In this state; may be repeated.", autocompletion=one_of(STATES)),
]
On = Annotated[str | None, typer.Option(help="On this cluster.", autocompletion=cluster_names)]
Reason = Annotated[str | None, typer.Option(help="With this text in the reason.")]
Timeout = Annotated[
    float | None,
    typer.Option(
        parser=parse_timeout, metavar="TIME", help="Stop waiting after so long (seconds, 10m, 2h): exit 6."
    ),
]
FreshKeys = Annotated[
    bool, typer.Option("--fresh-keys", help="Send the store's keys again: from --profile or AWS_*.")
]
KeysProfile = Annotated[str | None, typer.Option("--profile", help="AWS profile of the fresh keys.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many to show, newest first.")]


def add_row_commands(app: typer.Typer, noun: str) -> None:
    """Add the shared commands to a group, whose rows are of that noun."""

    @app.command("show")
    def show_row(row_id: Id, url: Url = LOCAL_URL, *, as_json: AsJson = False) -> None:
        """Show all fields of one, and its history."""
        with connect(url) as gateway:
            row = find_row(gateway, row_id, noun)
            events = gateway.history(row)
        if as_json:
            output.print_json(row)
            return
        output.print_fields(describe_row(row))
        print_history(events)

    @app.command("cancel")
    def cancel_rows(ids: Ids, *, why: Why = "", url: Url = LOCAL_URL, as_json: AsJson = False) -> None:
        """Stop work that has not ended."""
        with connect(url) as gateway:
            rows = [find_row(gateway, each, noun) for each in ids]
            act_on(rows, lambda row: gateway.cancel(row, user_at_host(), why), as_json=as_json)

    @app.command("watch")
    def watch_row(
        row_id: Id, timeout: Timeout = None, url: Url = LOCAL_URL, *, as_json: AsJson = False
    ) -> None:
        """Follow one until it has ended; the exit code says how."""
        with connect_to_wait(url) as gateway, progress_lines() as lines:
            with before_work(gateway):
                row = find_row(gateway, row_id, noun)
            ended = gateway.wait(row, lines.add(f"{row.kind} {row.id}"), timeout)
        print_states([ended], as_json=as_json)


def print_history(events: Sequence[Event]) -> None:
    """Print events as a table."""
    rows = [
        (
            event.at.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
            str(event.attempt),
            output.state_text(event.to_state),
            event.actor or event.worker,
            event.reason,
        )
        for event in events
    ]
    output.print_table(("time", "attempt", "state", "by", "reason"), rows, "History")


def print_rows(
    rows: Sequence[Transfer | Job | Workflow], counts: Mapping[str, int], *, as_json: bool
) -> None:
    """Print a list of rows, and how many there are in each state."""
    if as_json:
        output.print_json(rows)
        return
    columns = ("id", "kind", "cluster", "state", "attempt", "age", "what", "reason")
    lines = [
        (
            str(row.id),
            row.kind,
            row.infrastructure,
            output.state_text(row.state),
            str(row.attempt),
            output.age(row.created_at),
            output.row_content(row),
            row.reason,
        )
        for row in rows
    ]
    output.print_table(columns, lines)
    found = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    output.print_line(found or "nothing found")


def user_at_host() -> str:
    """Return the actor of a cancellation or a retry, for the history."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def act_on(rows: Sequence[AnyRow], act: Callable[[AnyRow], AnyRow], *, as_json: bool) -> None:
    """Act on each of the rows, all of which were found, and print those that it was done to.

    A refusal of one keeps none of the others; the last one is raised, so that the exit code tells of it.
    """
    done: list[AnyRow] = []
    refusals: list[Refused] = []
    try:
        for row in {row.id: row for row in rows}.values():
            try:
                done.append(act(row))
            except Refused as refusal:
                refusals.append(Refused(refusal.status, f"{row.kind} {row.id}: {refusal}"))
    finally:
        print_states(done, as_json=as_json)
    for each in refusals[:-1]:
        output.print_error(str(each))
    if refusals:
        raise refusals[-1]


def print_states(rows: Sequence[Transfer | Job | Workflow], *, as_json: bool) -> None:
    """Print the ids and states of rows that a command has changed."""
    if as_json:
        output.print_json(rows)
    else:
        for row in rows:
            output.print_line(f"{row.kind} {row.id}", output.state_text(row.state))
