"""Output of the commands: tables for people, or JSON for scripts."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hpc_gateway_client.commands.cleaning import clean
from hpc_gateway_client.models import Job, Transfer, Workflow

LOCAL_URL = "http://127.0.0.1:8080"
PIPED_WIDTH = 400
KILO = 1000
Url = Annotated[str, typer.Option(envvar="GATEWAY_URL", help="Where the gateway's API is.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
Since = Annotated[str, typer.Option(help="Created since: 30m, 2h, 7d, or a time with its zone.")]

DONE = ("completed", "succeeded")
COLOURS = {
    "completed": "green",
    "succeeded": "green",
    "running": "cyan",
    "transferring": "cyan",
    "retrying": "yellow",
    "cancelled": "dim",
    "failed": "red",
    "timeout": "red",
    "out_of_memory": "red",
    "node_failure": "red",
    "lost": "red",
}


def console() -> Console:
    """Return the console: a pipe gets whole lines, however long they are."""
    return Console(width=None if sys.stdout.isatty() else PIPED_WIDTH, highlight=False, soft_wrap=False)


def print_json(content: BaseModel | Sequence[BaseModel]) -> None:
    """Print one value or a list as JSON, in ASCII."""
    if isinstance(content, BaseModel):
        typer.echo(json.dumps(content.model_dump(mode="json"), indent=2))
    else:
        typer.echo(json.dumps([item.model_dump(mode="json") for item in content], indent=2))


def print_line(*parts: str | Text) -> None:
    """Print a line; nothing in it is markup."""
    console().print(*map(_cell, parts))


def print_error(text: str) -> None:
    """Print an error as one line on stderr."""
    typer.echo(f"hpc-gateway: {clean(text)}", err=True)


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[str | Text]], title: str | None = None
) -> None:
    """Print a table."""
    drawn = Table(title=title, title_justify="left", box=None, header_style="bold")
    for name in columns:  # an id is never cut: it is there to be copied
        drawn.add_column(name, no_wrap=name == "id", overflow="fold", min_width=36 if name == "id" else None)
    for row in rows:
        drawn.add_row(*map(_cell, row))
    console().print(drawn)


def print_fields(lines: Iterable[tuple[str, str]]) -> None:
    """Print names and values in two columns; a value may have lines of its own."""
    drawn = Table(show_header=False, box=None)
    drawn.add_column(style="bold", no_wrap=True)
    drawn.add_column(overflow="fold")
    for name, value in lines:
        drawn.add_row(_cell(name), Text("\n").join(map(_cell, value.split("\n"))))
    console().print(drawn)


def _cell(part: str | Text) -> Text:
    """Return the part cleaned and free of markup, in its style."""
    return Text(clean(part.plain), part.style) if isinstance(part, Text) else Text(clean(part))


def state_text(state: str) -> Text:
    """Return a state in its colour."""
    return Text(state, COLOURS.get(state, ""))


def age(moment: datetime | None) -> str:
    """Return the time since a moment in its largest unit."""
    if moment is None:
        return ""
    seconds = max(0, int((datetime.now(UTC) - moment).total_seconds()))
    for length, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def seconds_text(seconds: float) -> str:
    """Return a duration for people."""
    minutes, hours = seconds / 60, seconds / 3600
    if hours >= 1:
        return f"{int(hours)} h {int(minutes) % 60} min"
    return f"{int(minutes)} min {int(seconds) % 60} s" if minutes >= 1 else f"{seconds:.3g} s"


def rate_text(row: Transfer | Workflow) -> str:
    """Return the rate of the bytes that move, and the time that they still take."""
    if not row.bytes_per_s:
        return ""
    left = ""
    if row.bytes_total is not None:
        left = f", {seconds_text(max(0, row.bytes_total - row.bytes_done) / row.bytes_per_s)} left"
    return f"{size_text(row.bytes_per_s)}/s{left}"


def size_text(number: int | None) -> str:
    """Return a number of bytes for people."""
    if number is None:
        return "?"
    value = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if value < KILO:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= KILO
    return f"{value:.1f} TB"


def row_content(row: Transfer | Job | Workflow) -> str:
    """Return the bytes of a transfer, the services of a job or the ended steps of a workflow."""
    if isinstance(row, Workflow):
        done = sum(step.state in DONE for step in row.steps)
        return f"{done} of {len(row.steps)} steps"
    if isinstance(row, Transfer):
        return f"{size_text(row.bytes_done)} of {size_text(row.bytes_total)}"
    return " ".join(row.services)
