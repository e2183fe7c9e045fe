"""Progress of work on the terminal: one line for each step, redrawn in place; nothing for a pipe."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from hpc_gateway_client.commands import output
from hpc_gateway_client.commands.cleaning import clean
from hpc_gateway_client.commands.output import COLOURS
from hpc_gateway_client.models import Job, Transfer, Workflow

Report = Callable[[Transfer | Job | Workflow], None]
_UNDER_WAY = ("accepted", "submitting", "pending", "running", "retrying", "transferring")


class ProgressLines:
    """The lines of a command's steps on stderr, and texts above them."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown

    @property
    def is_shown(self) -> bool:
        """Whether a person watches."""
        return not self._shown.disable

    def say(self, text: str) -> None:
        """Print a text that stays: above the lines, whole, as wide as it is."""
        self._shown.console.print(Text(clean(text)), soft_wrap=True)

    def stop(self) -> None:
        """Draw the lines for the last time."""
        self._shown.stop()

    def add(self, title: str) -> Report:
        """Add a line, and return the `report` that redraws it."""
        title = escape(clean(title))
        task = self._shown.add_task(title, total=None)

        def report(row: Transfer | Job | Workflow) -> None:
            colour = COLOURS.get(row.state, "default")
            state, more = (escape(clean(text)) for text in (row.state, _more(row)))
            self._shown.update(task, description=f"{title} [{colour}]{state}[/]{more}")
            if not isinstance(row, Job):
                self._shown.update(task, completed=row.bytes_done, total=row.bytes_total)
            elif row.ended:
                done = sum(output.bytes for output in row.outputs)
                self._shown.update(task, completed=done, total=done)

        return report


def _more(row: Transfer | Job | Workflow) -> str:
    """Return the steps that are under way, the rate and the time that is left, or why the row waits."""
    if row.ended:
        return ""
    parts = [] if isinstance(row, Job) else [output.rate_text(row)]
    if isinstance(row, Workflow):
        parts += [f"{step.name} {step.state} {step.reason}" for step in row.steps if step.state in _UNDER_WAY]
    return "".join(f" {part}" for part in (*parts, row.reason) if part)


@contextmanager
def progress_lines() -> Iterator[ProgressLines]:
    """Give the lines; they are redrawn until the end of the block."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal) as shown:
        yield ProgressLines(shown)
