"""`hpc-gateway run`: the whole workflow in one line, from a file here to its result here."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

from hpc_gateway_client.calls import Resources
from hpc_gateway_client.commands import output
from hpc_gateway_client.commands.cleaning import clean
from hpc_gateway_client.commands.connection import connect_to_wait
from hpc_gateway_client.commands.interrupts import Interrupts
from hpc_gateway_client.commands.output import LOCAL_URL, AsJson, Url
from hpc_gateway_client.commands.progress import ProgressLines, progress_lines
from hpc_gateway_client.commands.resources import with_resources
from hpc_gateway_client.commands.services import CLASSES, check_needs, check_services
from hpc_gateway_client.commands.temporary_objects import TemporaryObjects
from hpc_gateway_client.commands.unfinished import describe_unfinished
from hpc_gateway_client.commands.workflow import JobOptions, Workflow
from hpc_gateway_client.errors import GatewayClientError
from hpc_gateway_client.models import Job
from hpc_gateway_client.store import Store

TABLE = "table"


@with_resources
def run(
    services: Annotated[str, typer.Argument(help="One service, or several with commas: fft,min_max")],
    data: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="The input CSV.")],
    *,
    on: Annotated[str, typer.Option(help="The cluster to run on.")],
    bucket: Annotated[
        str, typer.Option(envvar="GATEWAY_BUCKET", help="Bucket that input and result pass through.")
    ],
    result: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write the result; only with one service.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option(help="AWS profile with endpoint and keys; else the AWS variables.")
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option("--param", help="A parameter of the job: num_mpi_procs=2")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the objects in the bucket.")] = False,
    resume: Annotated[
        list[str] | None,
        typer.Option("--resume", help="Go on with accepted work: an id that an interrupted run has printed."),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Send the job although its table or its folders promise a failure.")
    ] = False,
    url: Url = LOCAL_URL,
    as_json: AsJson = False,
    resources: Resources,
) -> None:
    """Upload a file, run services on it, download the result."""
    wanted = services.split(",")
    check_services(wanted)
    if result is not None and len(wanted) > 1:
        raise typer.BadParameter("each service has a result of its own; leave --output out")
    asked = JobOptions(wanted, parameters(param or []), resources)
    if not (yes or resume):
        check_needs(asked.services, asked.params)
    store = Store.from_environment(bucket, profile)
    objects = TemporaryObjects(store, keep=keep)
    with (
        Interrupts() as interrupts,
        connect_to_wait(url, on, store) as gateway,
        progress_lines() as lines,
    ):
        work = Workflow(gateway, store, objects, interrupts, lines.say)
        with _leave_accepted_work(work, objects, interrupts, lines, url):
            work.resume(resume or [])
            job = _compute(work, asked, data, lines, insists=yes)
            for warning in job.warnings:
                lines.say(f"warning: {warning}")
            for made in job.outputs:
                key = work.stage_out(made, lines.add(f"{made.service} to S3"))
                name = f"{data.stem}_{made.service}{Path(made.path).suffix}"
                _download(store, key, result or data.with_name(name), lines)
    if as_json:
        output.print_json(job)


def _compute(work: Workflow, asked: JobOptions, data: Path, lines: ProgressLines, *, insists: bool) -> Job:
    """Bring the input to the cluster and run the job, unless an earlier run has left the job."""
    place = ""
    if not work.job:
        place = work.stage_in(data, lines.add("S3 to cluster"))
        work.judge(asked, insists=insists)
    return work.compute(asked, place, lines.add(" ".join(asked.services)))


def _download(store: Store, key: str, file: Path, lines: ProgressLines) -> None:
    store.download(key, file)
    lines.say(str(file))


@contextmanager
def _leave_accepted_work(
    work: Workflow, objects: TemporaryObjects, interrupts: Interrupts, lines: ProgressLines, url: str
) -> Iterator[None]:
    """At an error, print the accepted work; at every end, remove the objects that no work needs."""
    try:
        yield
    except (GatewayClientError, KeyboardInterrupt) as error:
        with interrupts.put_off(lambda: None), suppress(OSError):  # a terminal that is gone
            lines.stop()
            for line in describe_unfinished(work, objects, error, url):
                typer.echo(clean(line), err=True)
        raise
    finally:
        for key in objects.remove():
            typer.echo(clean(f"not removed from the bucket: {key}"), err=True)


def parameters(words: list[str]) -> dict[str, object]:
    """Read `name=number`, `service.option=value` or `table.option=value`."""
    params: dict[str, object] = {}
    options: dict[str, dict[str, object]] = {}
    for word in words:
        name, _, text = word.partition("=")
        if not (name and text):
            raise typer.BadParameter(f"{word!r} is not name=value")
        service, dot, option = name.partition(".")
        if dot and service in CLASSES:
            options.setdefault(service, {})[option] = _value(text)
        elif dot and service == TABLE:
            names = option in {"columns", "skip"}
            options.setdefault(TABLE, {})[option] = text.split(",") if names else _table_value(text)
        else:
            params[name] = _value(text)
    return params | options


def _table_value(text: str) -> object:
    """Read true and false; every other option of a table is a text."""
    return {"true": True, "false": False}.get(text, text)


def _value(text: str) -> object:
    """Read a number where it is one that JSON knows, else leave the text."""
    try:
        value: object = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, int | float) and math.isfinite(value) else text
