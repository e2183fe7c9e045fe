"""`hpc-gateway retry` and `cancel`: everything that a filter finds, listed before anything is done."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from hpc_gateway_client.commands import output
from hpc_gateway_client.commands.clusters import check_filter
from hpc_gateway_client.commands.completion import one_of
from hpc_gateway_client.commands.connection import connect
from hpc_gateway_client.commands.durations import parse_since
from hpc_gateway_client.commands.nearest import check_words
from hpc_gateway_client.commands.output import LOCAL_URL, AsJson, Since, Url
from hpc_gateway_client.commands.rows import On, Reason, State, Why, user_at_host
from hpc_gateway_client.models import (
    FAULTS,
    JOB_STATES,
    TRANSFER_KINDS,
    TRANSFER_STATES,
    BulkCancelled,
    BulkItem,
    BulkRetried,
)
from hpc_gateway_client.steps import FilterValue

KINDS = (*TRANSFER_KINDS, "job")
_KNOWN = (
    ("kind", KINDS, "kind"),
    ("state", tuple(dict.fromkeys((*TRANSFER_STATES, *JOB_STATES))), "state"),
    ("fault", FAULTS, "class of failures"),
)
Kind = Annotated[
    list[str] | None,
    typer.Option(help="data, s3_data, s3_result or job; all when left out.", autocompletion=one_of(KINDS)),
]
FaultOption = Annotated[
    list[str] | None,
    typer.Option(
        "--fault",
        help="Failures of this class; may be repeated. Without it, all but input.",
        autocompletion=one_of(FAULTS),
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without it, only list the rows.")]


def retry_matching(
    *,
    kind: Kind = None,
    state: State = None,
    on: On = None,
    fault: FaultOption = None,
    reason: Reason = None,
    since: Since = "",
    why: Why = "",
    yes: Yes = False,
    url: Url = LOCAL_URL,
    as_json: AsJson = False,
) -> None:
    """Try again everything that ended badly and that the filter finds."""
    filters = _filters(since, kind=kind, state=state, infrastructure=on, fault=fault, reason=reason)
    with connect(url) as gateway:
        done = gateway.retry_many(filters, user_at_host(), why, dry_run=not yes)
        check_filter(gateway, on, done.found)
    verb = "retried" if yes else "would be retried (--yes retries them)"
    left_out = "" if fault else "; failures by their input are left out (--fault input)"
    _print_done(done, f"{done.retried} of {done.found} {verb}{left_out}", as_json=as_json)


def cancel_matching(
    *,
    kind: Kind = None,
    state: State = None,
    on: On = None,
    fault: FaultOption = None,
    reason: Reason = None,
    since: Since = "",
    why: Why = "",
    yes: Yes = False,
    url: Url = LOCAL_URL,
    as_json: AsJson = False,
) -> None:
    """Cancel everything that has not ended and that the filter finds."""
    filters = _filters(since, kind=kind, state=state, infrastructure=on, fault=fault, reason=reason)
    with connect(url) as gateway:
        done = gateway.cancel_many(filters, user_at_host(), why, dry_run=not yes)
        check_filter(gateway, on, done.found)
    verb = "cancelled" if yes else "would be cancelled (--yes cancels them)"
    _print_done(done, f"{done.cancelled} of {done.found} {verb}", as_json=as_json)


def _filters(since: str, **words: list[str] | str | None) -> Mapping[str, FilterValue]:
    """Return the filter of the request, or raise BadParameter for a word that is unknown."""
    for name, known, noun in _KNOWN:
        given = words[name]
        check_words(given if isinstance(given, list) else None, known, noun)
    return words | {"kind": words["kind"] or list(KINDS), "since": parse_since(since)}


def _print_done(done: BulkRetried | BulkCancelled, summary: str, *, as_json: bool) -> None:
    if as_json:
        output.print_json(done)
        return
    _print_items(done.items)
    output.print_line(summary)


def _print_items(items: Sequence[BulkItem]) -> None:
    rows = [
        (
            str(item.id),
            item.kind,
            item.infrastructure,
            item.owner,
            output.age(item.created_at),
            item.fault or "",
            item.reason,
            item.refusal,
        )
        for item in items
    ]
    columns = ("id", "kind", "cluster", "owner", "age", "class", "reason", "left alone because")
    output.print_table(columns, rows)
