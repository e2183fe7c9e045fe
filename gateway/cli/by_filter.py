"""`list` and `hpc-gateway retry`: what a filter finds, to look at or to try again."""

from typing import Annotated, Any

import typer

from gateway.cli import output, work
from gateway.cli.connection import connect
from gateway.cli.output import LOCAL_URL, AsJson, Since, Url
from hpc_gateway_client import Job, Transfer
from hpc_gateway_client.models import TRANSFER_KINDS

KINDS = (*TRANSFER_KINDS, "job")
State = Annotated[list[str] | None, typer.Option(help="In this state; may be repeated.")]
On = Annotated[str | None, typer.Option(help="On this cluster.")]
Reason = Annotated[str | None, typer.Option(help="With this text in the reason.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many to show, newest first.")]


@work.jobs.command("list")
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
        page = gateway.jobs(since=output.since_when(since), **filters)
    _list(list(page.items), page.counts or {}, as_json=as_json)


@work.transfers.command("list")
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
    rows: list[Transfer | Job] = []
    counts: dict[str, int] = {}
    with connect(url) as gateway:
        for each in TRANSFER_KINDS:
            if not kind or each in kind:
                page = gateway.transfers(each, since=output.since_when(since), **filters)
                rows += page.items
                for name, count in (page.counts or {}).items():
                    counts[name] = counts.get(name, 0) + count
    rows.sort(key=lambda row: row.created_at, reverse=True)
    _list(rows[:limit], counts, as_json=as_json)


def _list(rows: list[Transfer | Job], counts: dict[str, int], *, as_json: bool) -> None:
    if as_json:
        output.print_json(rows)
        return
    columns = ("id", "kind", "cluster", "state", "try", "age", "what", "reason")
    output.table(columns, [_line(row) for row in rows])
    found = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    output.console().print(found or "nothing found")


def _line(row: Transfer | Job) -> tuple[Any, ...]:
    state, age = output.coloured(row.state), output.ago(row.created_at)
    what = output.progress_of(row)
    return str(row.id), row.kind, row.infrastructure, state, str(row.attempt), age, what, row.reason


def retry(
    *,
    kind: Annotated[
        list[str] | None, typer.Option(help="s3_data, s3_result, job; all when left out.")
    ] = None,
    state: State = None,
    on: On = None,
    reason: Reason = None,
    since: Since = "",
    why: work.Why = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do it; else only show what would be done.")] = False,
    url: Url = LOCAL_URL,
    as_json: AsJson = False,
) -> None:
    """Try again everything that ended badly and that the filter finds."""
    wanted = {"kind": kind or list(KINDS), "state": state, "infrastructure": on, "reason": reason}
    with connect(url) as gateway:
        filters = wanted | {"since": output.since_when(since)}
        done = gateway.retry_many(filters, work.me(), why, dry_run=not yes)
    if as_json:
        output.print_json(done)
        return
    output.table(("id", "kind", "left alone because"), [(str(i.id), i.kind, i.refusal) for i in done.items])
    verb = "retried" if yes else "would be retried (--yes does it)"
    output.console().print(f"{done.retried} of {done.found} {verb}")
