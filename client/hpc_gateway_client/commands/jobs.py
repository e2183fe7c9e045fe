"""`hpc-gateway jobs`: list and retry jobs and print their logs, beside the shared commands."""

import sys
import time
from typing import Annotated

import typer

from hpc_gateway_client.calls import Resources
from hpc_gateway_client.commands import output
from hpc_gateway_client.commands.cleaning import clean_log
from hpc_gateway_client.commands.clusters import Cluster, check_cluster, check_filter
from hpc_gateway_client.commands.completion import one_of
from hpc_gateway_client.commands.connection import before_work, connect, connect_to_wait
from hpc_gateway_client.commands.durations import parse_since
from hpc_gateway_client.commands.lookup import find_row
from hpc_gateway_client.commands.nearest import check_words
from hpc_gateway_client.commands.output import LOCAL_URL, AsJson, Since, Url
from hpc_gateway_client.commands.params import check_options, parameters
from hpc_gateway_client.commands.plots import plot_job
from hpc_gateway_client.commands.progress import progress_lines
from hpc_gateway_client.commands.resources import with_resources
from hpc_gateway_client.commands.results import ResultPlace, check_output, save_job_results
from hpc_gateway_client.commands.rows import (
    Id,
    Ids,
    Limit,
    On,
    Reason,
    State,
    Why,
    act_on,
    add_row_commands,
    print_rows,
    print_states,
    user_at_host,
)
from hpc_gateway_client.commands.services import CLASSES, Services, read_services
from hpc_gateway_client.errors import GatewayClientError, JobFailed, StillRunning
from hpc_gateway_client.models import JOB_STATES, Job, Transfer
from hpc_gateway_client.store import Store

FOLLOW_S = 1.0
app = typer.Typer(no_args_is_help=True, help="Jobs: kernels on a cluster.")
add_row_commands(app, "job")


@app.command("list")
def list_jobs(
    *,
    state: State = None,
    on: On = None,
    service: Annotated[
        str | None, typer.Option(help="With this service.", autocompletion=one_of(CLASSES))
    ] = None,
    reason: Reason = None,
    since: Since = "",
    limit: Limit = 20,
    url: Url = LOCAL_URL,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first."""
    check_words(state, JOB_STATES, "state of a job")
    check_words([service] if service else [], CLASSES, "service")
    filters = {"state": state, "infrastructure": on, "service": service, "reason": reason, "limit": limit}
    with connect(url) as gateway:
        page = gateway.jobs(since=parse_since(since), **filters)
        check_filter(gateway, on, len(page.items))
    print_rows(page.items, page.counts or {}, as_json=as_json)


@app.command("submit")
@with_resources
def submit_job(
    services: Services,
    path: Annotated[str, typer.Argument(help="The input on the cluster: /Init_Data/x.csv")],
    *,
    on: Cluster,
    param: Annotated[
        list[str] | None, typer.Option("--param", help="A parameter of the job: num_mpi_procs=2")
    ] = None,
    url: Url = LOCAL_URL,
    as_json: AsJson = False,
    resources: Resources,
) -> None:
    """Run services on a file that is on the cluster already; print the job, and do not wait."""
    wanted, params = read_services(services), parameters(param or [])
    with connect(url, on) as gateway:
        check_cluster(gateway, on)
        check_options(gateway, wanted, params)
        row = gateway.start_compute(wanted, path, params, resources=resources)
    print_states([row], as_json=as_json)


@app.command("get")
def get_job_results(
    row_id: Id,
    *,
    to: ResultPlace = None,
    bucket: Annotated[
        str | None,
        typer.Option(
            envvar="GATEWAY_BUCKET", help="Bucket that the results pass through, else the gateway's."
        ),
    ] = None,
    profile: Annotated[str | None, typer.Option(help="AWS profile with the keys of the bucket.")] = None,
    url: Url = LOCAL_URL,
    as_json: AsJson = False,
) -> None:
    """Download the results of a job."""
    store = Store.from_environment(bucket, profile) if bucket else None
    with connect_to_wait(url, store=store) as gateway, progress_lines() as lines:
        with before_work(gateway):
            row = find_row(gateway, row_id, "job")
        job = _with_results(row)
        check_output(to, len(job.outputs))
        for file in save_job_results(gateway, job, to):
            lines.say(str(file))
    if as_json:
        output.print_json(job)


def _with_results(row: Transfer | Job) -> Job:
    """Return a job with results of its own, or raise GatewayClientError."""
    if isinstance(row, Transfer):
        raise GatewayClientError(f"{row.id} is a transfer: its object is where it was sent")
    if not row.ended:
        wait = f"`hpc-gateway jobs watch {row.id}` waits for its end"
        raise StillRunning(f"job {row.id} is still {row.state}: {wait}")
    if not row.succeeded:
        raise JobFailed(row)
    if not row.outputs:
        of_members = f"`hpc-gateway workflow get {row.workflow_id}` downloads those of its members"
        raise GatewayClientError(f"job {row.id} is a sweep without results of its own: {of_members}")
    return row


app.command("plot")(plot_job)


@app.command("log")
def print_log(
    row_id: Id,
    *,
    stderr: Annotated[bool, typer.Option("--stderr", help="Print stderr instead of stdout.")] = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")] = False,
    url: Url = LOCAL_URL,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, for scripts: a line for each piece.")
    ] = False,
) -> None:
    """Print the output of a job."""
    stream, offset = "stderr" if stderr else "stdout", 0
    with connect_to_wait(url) if follow else connect(url) as gateway:
        with before_work(gateway):
            row = find_row(gateway, row_id, "job")
        if isinstance(row, Transfer):
            raise GatewayClientError(f"{row.id} is a transfer: hpc-gateway transfers log {row.id}")
        while True:
            while (piece := gateway.log(row, stream, offset)).text:
                sys.stdout.write(f"{piece.model_dump_json()}\n" if as_json else clean_log(piece.text))
                offset = piece.next_offset
            sys.stdout.flush()
            if row.ended or not follow:
                return
            time.sleep(FOLLOW_S)
            row = gateway.look(row)


@app.command("retry")
@with_resources
def retry_jobs(
    ids: Ids,
    *,
    why: Why = "",
    url: Url = LOCAL_URL,
    as_json: AsJson = False,
    resources: Resources,
) -> None:
    """Run jobs that ended badly again, by id, with other resources where the old ones did not suffice."""
    with connect(url) as gateway:
        rows = [find_row(gateway, row_id, "job") for row_id in ids]
        for row in rows if resources else ():
            if isinstance(row, Transfer):
                raise GatewayClientError(
                    f"{row.id} is a transfer, which has no resources: leave their options out"
                )
        act_on(
            rows,
            lambda row: gateway.retry(row, user_at_host(), why, resources=resources),
            as_json=as_json,
        )
