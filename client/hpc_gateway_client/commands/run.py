"""`hpc-gateway run`: the whole workflow in one line, from files here to their results here."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

from hpc_gateway_client.calls import Resources
from hpc_gateway_client.commands import output
from hpc_gateway_client.commands.cleaning import clean
from hpc_gateway_client.commands.clusters import Cluster, check_cluster
from hpc_gateway_client.commands.comeback import describe_unfinished, describe_workflow
from hpc_gateway_client.commands.connection import before_work, connect_to_wait
from hpc_gateway_client.commands.interrupts import Interrupts
from hpc_gateway_client.commands.output import LOCAL_URL, AsJson, Url
from hpc_gateway_client.commands.params import check_options, members, parameters
from hpc_gateway_client.commands.plots import Plot, Terminal
from hpc_gateway_client.commands.progress import ProgressLines, progress_lines
from hpc_gateway_client.commands.resources import with_resources
from hpc_gateway_client.commands.results import ResultPlace, check_inputs, check_output
from hpc_gateway_client.commands.rows import Timeout
from hpc_gateway_client.commands.runs import JOB, Runs, Wanted
from hpc_gateway_client.commands.services import Services, check_needs, read_services
from hpc_gateway_client.errors import GatewayClientError
from hpc_gateway_client.gateway import Gateway
from hpc_gateway_client.models import Workflow
from hpc_gateway_client.store import Store


@with_resources
def run(
    services: Services,
    data: Annotated[
        list[Path],
        typer.Argument(exists=True, dir_okay=False, readable=True, help="The input CSV, or several of them."),
    ],
    *,
    on: Cluster,
    bucket: Annotated[
        str | None,
        typer.Option(
            envvar="GATEWAY_BUCKET",
            help="Bucket that input and results pass through; else they pass through the gateway's store.",
        ),
    ] = None,
    result: ResultPlace = None,
    profile: Annotated[
        str | None, typer.Option(help="AWS profile with endpoint and keys; else the AWS variables.")
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option("--param", help="A parameter of the job: num_mpi_procs=2")
    ] = None,
    sweep: Annotated[
        list[str] | None,
        typer.Option(
            "--sweep",
            help="Values of a parameter, each a run: savitzky_golay.window_length=5,7,9",
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Submit the job without a look at the table first.")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Start it, print the id, and do not wait.")
    ] = False,
    plot: Annotated[
        bool,
        typer.Option("--plot", help="Draw each result: a PNG beside it, or blocks without matplotlib."),
    ] = False,
    terminal: Terminal = False,
    timeout: Timeout = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the objects in the bucket.")] = False,
    url: Url = LOCAL_URL,
    as_json: AsJson = False,
    resources: Resources,
) -> None:
    """Upload files, run services on each, download the results."""
    wanted = read_services(services)
    params, swept = parameters(param or []), members(sweep or [])
    runs_of_a_file = len(swept) + 1 if swept else 1  # the table of a sweep is one more file
    count = len(wanted) * len(data) * runs_of_a_file
    check_output(result, count, data)
    check_inputs(data, wanted, result)
    if not yes:
        check_needs(wanted, params)
    job: dict[str, object] = {"name": JOB, "services": wanted, "params": params}
    asked = Wanted(
        job | ({"resources": resources} if resources else {}),
        {"job": JOB, "params": swept} if swept else None,
        is_judged=not yes,
    )
    drawn = _plot(plot=plot, terminal=terminal, detach=detach)
    store = Store.from_environment(bucket, profile) if bucket else None
    with (
        Interrupts() as interrupts,
        connect_to_wait(url, on, store) as gateway,
        progress_lines() as lines,
    ):
        with before_work(gateway):
            check_cluster(gateway, on)
            _check_params(gateway, wanted, [params, *swept])
            asked.check(gateway)
        runs = Runs(gateway, store, interrupts, lines, keep=keep or detach, plot=drawn)
        with _leaving_accepted_work(runs, lines, url, result):
            for file in data:
                runs.start(file, asked)
            ended = [] if detach else runs.finish_all(result, timeout)
    _print_end(runs, ended, url, result, as_json=as_json)
    for failure in runs.failures[:-1]:
        output.print_error(str(failure))
    if runs.failures:
        raise runs.failures[-1]


def _plot(*, plot: bool, terminal: bool, detach: bool) -> Plot | None:
    """Return the pictures to draw; a command that does not wait has none."""
    if detach and (plot or terminal):
        raise typer.BadParameter("--detach does not wait for results to draw: draw them by `jobs plot ID`")
    return Plot(terminal=terminal) if plot or terminal else None


def _check_params(gateway: Gateway, services: Sequence[str], params: Sequence[dict[str, object]]) -> None:
    for each in params:
        check_options(gateway, services, each)


def _print_end(
    runs: Runs, ended: Sequence[Workflow], url: str, result: Path | None, *, as_json: bool
) -> None:
    started = [run.workflow for run in runs.started if run.workflow is not None]
    shown = list(ended) or started
    if as_json:
        output.print_json(shown[0] if len(shown) == 1 else shown)
    elif not ended:
        for workflow in started:
            for line in describe_workflow(workflow, url, result):
                output.print_line(line)


@contextmanager
def _leaving_accepted_work(runs: Runs, lines: ProgressLines, url: str, result: Path | None) -> Iterator[None]:
    """At an error, print the accepted work; at every end, remove the objects that no work needs."""
    try:
        yield
    except (GatewayClientError, KeyboardInterrupt):
        with runs.interrupts.put_off(lambda: None), suppress(OSError):  # a terminal that is gone
            lines.stop()
            for line in describe_unfinished(runs.started, url, result):
                typer.echo(clean(line), err=True)
        raise
    finally:
        for run in runs.started:
            for key in run.objects.remove():
                typer.echo(clean(f"not removed from the bucket: {key}"), err=True)
