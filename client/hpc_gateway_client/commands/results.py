"""Results of workflows and jobs on their way to files of this machine."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated
from uuid import uuid4

import typer

from hpc_gateway_client.commands.connection import connect_to_wait
from hpc_gateway_client.errors import GatewayClientError
from hpc_gateway_client.gateway import Gateway
from hpc_gateway_client.models import Job, Transfer, Workflow, WorkflowOutput
from hpc_gateway_client.result_files import check_place, result_name
from hpc_gateway_client.store import Store


def parse_place(text: str) -> Path:
    """Read the place of results; a text that ends in `/` names a folder, which is made."""
    place = Path(text)
    if text.endswith(os.sep):
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise typer.BadParameter(f"the folder {text} cannot be made: {error.strerror}") from error
    return place


ResultPlace = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        parser=parse_place,
        metavar="PATH",
        help="File of the only result, or folder of several; a name that ends in / is a folder.",
    ),
]
TEMPORARY = "hpc-gateway/"  # keys below it are those of `run`
Say = Callable[[str], None]


def check_output(output: Path | None, results: int, data: Sequence[Path] = ()) -> None:
    """Make the folder of several results; raise BadParameter when they cannot be written there."""
    try:
        check_place(output, results, data)
    except GatewayClientError as error:
        raise typer.BadParameter(str(error)) from error


def check_inputs(data: Sequence[Path], services: Sequence[str], output: Path | None) -> None:
    """Raise BadParameter for an empty input, or a result in the place of an input or of another's result."""
    for file in data:
        if not file.stat().st_size:
            raise typer.BadParameter(f"{file} is empty")
    inputs: dict[Path, Path] = {}
    for file in data:
        before = inputs.setdefault(_without_ending(file, output), file)
        if before is not file:
            raise typer.BadParameter(f"results of {before} and {file} would have the same names: run one now")
    for result, file in inputs.items():
        made = {result.with_name(f"{result.name}_{service}") for service in services}
        for over in data:
            if _without_ending(over) in made:
                raise typer.BadParameter(f"the result of {file} would take the place of the input {over}")


def _without_ending(data: Path, folder: Path | None = None) -> Path:
    """Return the path of a file, or of one in another folder, without its ending."""
    return (folder or data.parent).resolve() / data.stem


def file_of(made: WorkflowOutput, stem: str, output: Path | None, *, is_only: bool) -> Path:
    """Return the file of a result: the one that was named, or one of a folder."""
    name = result_name(stem, made)
    if output is None:
        return Path(name)
    return output if is_only and not output.is_dir() else output / name


def name_results(
    made: Sequence[WorkflowOutput], stem: str, output: Path | None
) -> dict[Path, WorkflowOutput]:
    """Return results by the files that they are saved to."""
    return {file_of(each, stem, output, is_only=len(made) == 1): each for each in made}


def save_results(
    gateway: Gateway, workflow: Workflow, files: Mapping[Path, WorkflowOutput], say: Say
) -> None:
    """Download results of a workflow, and tell the name of each file."""
    if len(files) > 1:
        gateway.start_results(workflow, list(files.values()))
    for file, made in files.items():
        if len(files) > 1:
            file.parent.mkdir(parents=True, exist_ok=True)
        gateway.save_result(workflow, made, file)
        say(str(file))


def save_job_results(gateway: Gateway, job: Job, output: Path | None) -> list[Path]:
    """Download the results of a job, through the client's store or the gateway's; return the files."""
    stem = job_stem(job)
    if len(job.outputs) > 1 and output is not None:
        output.mkdir(parents=True, exist_ok=True)
    saved = []
    for made in job.outputs:
        name = result_name(stem, made)
        is_file = output is not None and len(job.outputs) == 1 and not output.is_dir()
        file = output if output is not None and is_file else (output or Path()) / name
        if gateway.store is None:
            gateway.save_result(job, made.service, file)
        else:
            _save_through(gateway, gateway.store, made.path, file)
        saved.append(file)
    return saved


def job_stem(job: Job) -> str:
    """Return the name of a job's input without its ending; else the id of the job."""
    return PurePosixPath(str(job.params.get("read_input_data", job.id))).stem


def _save_through(gateway: Gateway, store: Store, path: str, file: Path) -> None:
    key = f"{TEMPORARY}{uuid4().hex}/{PurePosixPath(path).name}"
    gateway.stage_out(path, key)
    store.download(key, file)
    store.delete(key)


def store_of(gateway: Gateway, workflow: Workflow, profile: str | None) -> Store | None:
    """Return the store of the workflow's input or results, with the keys of this environment."""
    for kind in ("s3_data", "s3_result"):
        for row in _transfers(gateway, workflow, kind):
            return Store.from_environment(row.bucket, profile)
    return None


def connect_for(url: str, workflow: Workflow, profile: str | None) -> Gateway:
    """Connect with the store that the workflow's results are in, if they went to one."""
    store = None
    with connect_to_wait(url) as gateway:
        for row in _transfers(gateway, workflow, "s3_result"):
            store = Store.from_environment(row.bucket, profile, endpoint=row.endpoint)
            break
    return connect_to_wait(url, workflow.infrastructure, store)


def input_stem(gateway: Gateway, workflow: Workflow) -> str:
    """Return the name of the input's file without its ending; else the first digits of the workflow."""
    for kind in ("s3_data", "data"):
        for row in _transfers(gateway, workflow, kind):
            return PurePosixPath(row.dst or "").stem or str(workflow.id)[:8]
    return str(workflow.id)[:8]


def temporary_keys(gateway: Gateway, workflow: Workflow, made: Sequence[WorkflowOutput]) -> list[str]:
    """Return the keys of the input and of these results, of those that `run` has put into the store."""
    inputs = [row.object for row in _transfers(gateway, workflow, "s3_data")]
    results = [each.object for each in made if each.object]
    return [key for key in (*inputs, *results) if key.startswith(TEMPORARY)]


def _transfers(gateway: Gateway, workflow: Workflow, kind: str) -> Iterator[Transfer]:
    for step in workflow.steps:
        if step.kind == kind and step.id is not None:
            row = gateway.find(step.id, step.kind)
            if isinstance(row, Transfer):
                yield row
