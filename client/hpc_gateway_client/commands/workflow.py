"""`hpc-gateway workflow`: list, show, attach, retry, cancel and get workflows, and members of sweeps."""

import json
from pathlib import Path
from typing import Annotated

import typer

from hpc_gateway_client.commands import output
from hpc_gateway_client.commands.cleaning import clean
from hpc_gateway_client.commands.clusters import check_filter
from hpc_gateway_client.commands.comeback import describe_workflow
from hpc_gateway_client.commands.connection import before_work, connect, connect_to_wait
from hpc_gateway_client.commands.details import describe_row
from hpc_gateway_client.commands.durations import parse_since
from hpc_gateway_client.commands.interrupts import Interrupts
from hpc_gateway_client.commands.lookup import find_workflow
from hpc_gateway_client.commands.nearest import check_words
from hpc_gateway_client.commands.output import LOCAL_URL, AsJson, Since, Url
from hpc_gateway_client.commands.progress import progress_lines
from hpc_gateway_client.commands.results import (
    ResultPlace,
    check_output,
    connect_for,
    input_stem,
    name_results,
    save_results,
    store_of,
    temporary_keys,
)
from hpc_gateway_client.commands.rows import (
    FreshKeys,
    Id,
    Ids,
    KeysProfile,
    Limit,
    On,
    Reason,
    State,
    Timeout,
    Why,
    act_on,
    print_history,
    print_rows,
    user_at_host,
)
from hpc_gateway_client.commands.temporary_objects import remove_keys
from hpc_gateway_client.errors import StillRunning
from hpc_gateway_client.models import WORKFLOW_STATES, Workflow
from hpc_gateway_client.waits import failure_of

app = typer.Typer(no_args_is_help=True, help="Workflows: input, jobs and results in one request.")
Profile = Annotated[str | None, typer.Option(help="AWS profile with the keys of the results' store.")]


@app.command("list")
def list_workflows(
    *,
    state: State = None,
    on: On = None,
    reason: Reason = None,
    since: Since = "",
    limit: Limit = 20,
    url: Url = LOCAL_URL,
    as_json: AsJson = False,
) -> None:
    """List workflows, newest first."""
    check_words(state, WORKFLOW_STATES, "state of a workflow")
    filters = {"state": state, "infrastructure": on, "reason": reason, "limit": limit}
    with connect(url) as gateway:
        page = gateway.workflows(since=parse_since(since), **filters)
        check_filter(gateway, on, len(page.items))
    print_rows(page.items, page.counts or {}, as_json=as_json)


@app.command("show")
def show_workflow(row_id: Id, url: Url = LOCAL_URL, *, as_json: AsJson = False) -> None:
    """Show all fields of one, its steps, and its history."""
    with connect(url) as gateway:
        row = find_workflow(gateway, row_id)
        events = gateway.history(row)
    if as_json:
        output.print_json(row)
        return
    output.print_fields(line for line in describe_row(row) if line[0] != "steps")
    steps = [
        (str(step.id or ""), step.name, step.kind, output.state_text(step.state), step.reason)
        for step in row.steps
    ]
    output.print_table(("id", "step", "kind", "state", "reason"), steps, "Steps")
    print_history(events)


@app.command("members")
def list_members(row_id: Id, url: Url = LOCAL_URL, *, as_json: AsJson = False) -> None:
    """List the members of a sweep: parameters, state and reason of each."""
    with connect(url) as gateway:
        found = gateway.members(find_workflow(gateway, row_id))
    if as_json:
        output.print_json(found)
        return
    rows = [
        (each.name, output.state_text(each.state), json.dumps(each.params), each.reason) for each in found
    ]
    output.print_table(("member", "state", "parameters", "reason"), rows)


@app.command("attach")
def attach_workflow(
    row_id: Id,
    *,
    to: ResultPlace = None,
    timeout: Timeout = None,
    profile: Profile = None,
    url: Url = LOCAL_URL,
    as_json: AsJson = False,
) -> None:
    """Come back to a workflow: wait for its end, and download its results."""
    with Interrupts(), connect_to_wait(url) as gateway, progress_lines() as lines:
        with before_work(gateway):
            row = find_workflow(gateway, row_id)
        try:
            ended = gateway.wait(row, lines.add(f"workflow {row.id}"), timeout)
            lines.stop()
            _save(ended, to, profile, url, as_json=as_json)
        except KeyboardInterrupt:
            lines.stop()
            for line in describe_workflow(row, url, to):
                typer.echo(clean(line), err=True)
            raise


@app.command("get")
def get_results(
    row_id: Id,
    *,
    to: ResultPlace = None,
    profile: Profile = None,
    url: Url = LOCAL_URL,
    as_json: AsJson = False,
) -> None:
    """Download the results of a workflow that has succeeded."""
    with connect(url) as gateway:
        row = find_workflow(gateway, row_id)
    if not row.ended:
        wait = f"`hpc-gateway workflow attach {row.id}` waits for its end"
        raise StillRunning(f"workflow {row.id} is still {row.state}: {wait}")
    if not row.succeeded:
        raise failure_of(row)
    _save(row, to, profile, url, as_json=as_json)


@app.command("retry")
def retry_workflows(
    ids: Ids,
    *,
    why: Why = "",
    fresh_keys: FreshKeys = False,
    profile: KeysProfile = None,
    url: Url = LOCAL_URL,
    as_json: AsJson = False,
) -> None:
    """Go on with workflows that ended badly, from the steps that failed."""
    with connect(url) as gateway:
        rows = [find_workflow(gateway, each) for each in ids]
        stores = {row.id: store_of(gateway, row, profile) for row in rows if fresh_keys or profile}
        act_on(
            rows,
            lambda row: gateway.retry(row, user_at_host(), why, stores.get(row.id)),
            as_json=as_json,
        )


@app.command("cancel")
def cancel_workflows(ids: Ids, *, why: Why = "", url: Url = LOCAL_URL, as_json: AsJson = False) -> None:
    """Stop all steps of workflows."""
    with connect(url) as gateway:
        rows = [find_workflow(gateway, each) for each in ids]
        act_on(rows, lambda row: gateway.cancel(row, user_at_host(), why), as_json=as_json)


def _save(row: Workflow, to: Path | None, profile: str | None, url: str, *, as_json: bool) -> None:
    """Download the results, and remove their temporary objects from the bucket."""
    with connect_for(url, row, profile) as gateway, progress_lines() as lines:
        stem, made = input_stem(gateway, row), gateway.results(row)
        check_output(to, len(made))
        save_results(gateway, row, name_results(made, stem, to), lines.say)
        if gateway.store is not None:
            for key in remove_keys(gateway.store, temporary_keys(gateway, row, made)):
                lines.say(f"not removed from the bucket: {key}")
    if as_json:
        output.print_json(row)
