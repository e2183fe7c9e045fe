"""`hpc-gateway status`: queues, workers, clusters and the last hour's failures on one screen."""

from collections import Counter

from rich.text import Text

from hpc_gateway_client.commands import output
from hpc_gateway_client.commands.connection import connect
from hpc_gateway_client.commands.output import LOCAL_URL, AsJson, Url
from hpc_gateway_client.overview import Overview

ENDED = {"completed", "succeeded"}


def show_status(url: Url = LOCAL_URL, *, as_json: AsJson = False) -> None:
    """Show the whole gateway on one screen."""
    with connect(url) as gateway:
        seen = gateway.overview()
    if as_json:
        output.print_json(seen)
        return
    _clusters(seen)
    _failures(seen)


def _clusters(seen: Overview) -> None:
    if seen.broker:
        output.print_line(Text(f"queue: {seen.broker}", "red"))
    if seen.webhooks:
        output.print_line(Text(f"webhooks: {seen.webhooks}", "red"))
    rows = [_cluster(seen, name) for name in seen.clusters]
    columns = ("cluster", "worker", "scheduler", "filesystem", "queue", "waits for", "work")
    output.print_table(columns, rows)
    sweep = seen.rounds_s.get("housekeeping.sweep")
    never = "never: start `hpc-gateway beat` and a worker with --housekeeping"
    output.print_line(f"last sweep: {never if sweep is None else f'{sweep:.0f} s ago'}")


def _cluster(seen: Overview, name: str) -> tuple[str | Text, ...]:
    pulse = seen.clusters[name]
    counts: Counter[str] = Counter()
    for part in seen.work:
        if part.infrastructure == name and part.state not in ENDED:
            counts[part.state] += part.count
    return (
        name,
        _health(pulse.worker),
        _health(pulse.scheduler),
        _health(pulse.filesystem),
        str(seen.queues.get(name, "?")),
        output.age(seen.waiting_since.get(name)) or "nothing",
        ", ".join(f"{count} {state}" for state, count in sorted(counts.items())) or "idle",
    )


def _health(problem: str) -> Text:
    return Text(problem, "red") if problem else Text("ok", "green")


def _failures(seen: Overview) -> None:
    if not seen.failures:
        output.print_line("no failures in the last hour")
        return
    rows = [
        (str(f.count), f.kind, f.infrastructure, output.age(f.latest), f.fault or "", f.reason)
        for f in seen.failures
    ]
    output.print_table(
        ("times", "kind", "cluster", "last", "class", "reason"), rows, "Failures of the last hour"
    )
