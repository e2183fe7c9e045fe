"""Progress of work on the terminal: one line for each step, redrawn in place; nothing for a pipe."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from hpc_gateway_client.commands.cleaning import clean
from hpc_gateway_client.commands.output import COLOURS
from hpc_gateway_client.models import Job, Transfer

Report = Callable[[Transfer | Job], None]


@contextmanager
def progress_lines() -> Iterator[Callable[[str], Report]]:
    """Give a function that adds a line to stderr and returns the `report` that redraws it."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal) as shown:
        yield lambda title: _add_line(shown, title)


def _add_line(shown: Progress, title: str) -> Report:
    title = escape(clean(title))
    task = shown.add_task(title, total=None)

    def report(row: Transfer | Job) -> None:
        colour = COLOURS.get(row.state, "default")
        reason = f" {row.reason}" if row.reason and not row.ended else ""
        state, reason = (escape(clean(text)) for text in (row.state, reason))
        shown.update(task, description=f"{title} [{colour}]{state}[/]{reason}")
        if isinstance(row, Transfer):
            shown.update(task, completed=row.bytes_done, total=row.bytes_total)
        elif row.ended:
            done = sum(output.bytes for output in row.outputs)
            shown.update(task, completed=done, total=done)

    return report
