"""Pictures of results: files beside them, or blocks on the terminal; and `hpc-gateway jobs plot`."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from hpc_gateway_client.commands import output
from hpc_gateway_client.commands.connection import connect
from hpc_gateway_client.commands.lookup import find_row
from hpc_gateway_client.commands.output import LOCAL_URL, Url
from hpc_gateway_client.commands.results import check_output, job_stem
from hpc_gateway_client.commands.rows import Id
from hpc_gateway_client.errors import GatewayClientError, JobFailed, Refused
from hpc_gateway_client.extras import has_extra
from hpc_gateway_client.gateway import Gateway
from hpc_gateway_client.models import Job, Output, Transfer, Workflow
from hpc_gateway_client.pictures.picture import Picture
from hpc_gateway_client.result_calls import LABELS, drawable, no_picture
from hpc_gateway_client.result_files import result_name

WIDEST = 120
Say = Callable[[str], None]
Terminal = Annotated[
    bool, typer.Option("--terminal", help="Draw on the terminal with blocks, also where matplotlib is there.")
]


@dataclass(frozen=True)
class Plot:
    """The kind of pictures that a command draws."""

    terminal: bool = False

    def beside(self, file: Path) -> Path | None:
        """Return the PNG beside a file; none where the picture goes to the terminal."""
        return None if self.terminal or not has_extra("plot") else file.with_suffix(".png")


def show_result(gateway: Gateway, row: Workflow, made: Output, file: Path | None, say: Say) -> None:
    """Draw a result of a run, or say why there is no picture: the run has succeeded in any case."""
    try:
        show_picture(gateway.picture(row, made), file, say)
    except GatewayClientError as error:
        say(f"no picture of {made.service}: {error}")


def show_picture(picture: Picture, file: Path | None, say: Say) -> None:
    """Write a picture to a file and name it, or print it as blocks."""
    if file is not None:
        picture.save(file)
        say(str(file))
        return
    for line in picture.blocks(min(WIDEST, shutil.get_terminal_size().columns)):
        say(line)


def plot_job(
    row_id: Id,
    *,
    service: Annotated[str, typer.Option(help="The result to draw; else all that have a picture.")] = "",
    to: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File of the only picture (.png, .svg, .pdf), or folder of several."
        ),
    ] = None,
    terminal: Terminal = False,
    url: Url = LOCAL_URL,
) -> None:
    """Draw the results of a job: PNG files by matplotlib, or without it blocks on the terminal."""
    if terminal and to is not None:
        raise typer.BadParameter("--terminal prints the picture: leave --output out, or take that")
    with connect(url) as gateway:
        row = find_row(gateway, row_id, "job")
        if isinstance(row, Transfer):
            raise GatewayClientError(f"{row_id} is a transfer: its job has results")
        made = _wanted(row, service)
        check_output(to, len(made))
        if to is not None and len(made) > 1:
            to.mkdir(parents=True, exist_ok=True)
        for each in made:
            file = _file(row, each, to, is_only=len(made) == 1)
            is_file = to is not None or (has_extra("plot") and not terminal)
            show_picture(_picture(gateway, row, each), file if is_file else None, output.print_line)


def _picture(gateway: Gateway, row: Job, made: Output) -> Picture:
    try:
        return gateway.picture(row, made)
    except Refused as refusal:
        cure = f"`hpc-gateway jobs get {row.id}` downloads the result"
        raise Refused(refusal.status, f"{refusal}; {cure}") from refusal


def _wanted(row: Job, service: str) -> list[Output]:
    """Return the results to draw."""
    if row.ended and not row.succeeded:
        raise JobFailed(row)
    wanted = [made for made in drawable(row) if service in {"", made.service}]
    labels = [name for name in ([service] if service else row.services) if name in LABELS]
    if not wanted and labels:
        raise no_picture(labels[0])
    if not wanted:
        names = ", ".join(made.service for made in row.outputs) or "none"
        raise GatewayClientError(
            f"there is nothing to draw: job {row.id} is {row.state}, its results: {names}"
        )
    return wanted


def _file(row: Job, made: Output, to: Path | None, *, is_only: bool) -> Path:
    """Return the file of a picture: the one that is named, or one of a folder."""
    if to is not None and is_only and not to.is_dir():
        return to
    return (to or Path()) / result_name(job_stem(row), made, ".png")
