"""What the commands print: tables for people, JSON for scripts, never both."""

import json
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hpc_gateway_client import Job, Transfer

LOCAL_URL = "http://127.0.0.1:8080"
PIPED_WIDTH = 400
Url = Annotated[str, typer.Option(envvar="GATEWAY_URL", help="Where the gateway's API is.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
Since = Annotated[str, typer.Option(help="Created since: 30m, 2h, 7d, or a time with its zone.")]

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
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def console() -> Console:
    """Return the console: a pipe gets whole lines, however long they are."""
    return Console(width=None if sys.stdout.isatty() else PIPED_WIDTH, highlight=False, soft_wrap=False)


def print_json(content: BaseModel | Sequence[BaseModel] | None) -> None:
    """Print one value or a list as JSON."""
    if isinstance(content, BaseModel) or content is None:
        typer.echo(content.model_dump_json(indent=2) if content else "null")
    else:
        typer.echo(json.dumps([item.model_dump(mode="json") for item in content], indent=2))


def table(columns: Sequence[str], rows: Iterable[Sequence[str | Text]], title: str | None = None) -> None:
    """Print a table."""
    drawn = Table(*columns, title=title, title_justify="left", box=None, header_style="bold")
    for row in rows:
        drawn.add_row(*row)
    console().print(drawn)


def coloured(state: str) -> Text:
    """Return a state in its colour."""
    return Text(state, COLOURS.get(state, ""))


def ago(moment: datetime | None) -> str:
    """Say how long ago something was."""
    if moment is None:
        return ""
    seconds = max(0, int((datetime.now(UTC) - moment).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def size(number: int | None) -> str:
    """Return a number of bytes for people."""
    if number is None:
        return "?"
    value = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:  # noqa: PLR2004  as the units say
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def since_when(text: str) -> datetime | None:
    """Read `30m`, `2h`, `7d` or a time with its zone."""
    if not text:
        return None
    if found := re.fullmatch(r"([0-9]{1,5})([mhd])", text):
        return datetime.now(UTC) - timedelta(**{_UNITS[found[2]]: int(found[1])})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither 30m, 2h, 7d nor a time") from None
    if moment.tzinfo is None:
        raise typer.BadParameter(f"{text!r} needs a zone, such as {text}Z")
    return moment


def progress_of(row: Transfer | Job) -> str:
    """Say how far a transfer or job is."""
    if isinstance(row, Transfer):
        return f"{size(row.bytes_done)} of {size(row.bytes_total)}"
    return " ".join(row.services)
