"""The text that an interrupted `hpc-gateway run` leaves: workflows, and the commands to come back."""

import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from hpc_gateway_client.commands.config import chosen_profile
from hpc_gateway_client.commands.output import LOCAL_URL
from hpc_gateway_client.commands.runs import FileRun
from hpc_gateway_client.models import Workflow


def describe_unfinished(runs: Sequence[FileRun], url: str, output: Path | None) -> list[str]:
    """Return the lines that name the accepted workflows and the commands to come back to them."""
    lines: list[str] = []
    unfinished = [run for run in runs if run.is_unfinished]
    if unfinished:
        lines.append("The gateway has accepted this work, and it goes on without this command:")
    for run in unfinished:
        if run.workflow is not None:
            lines += describe_workflow(run.workflow, url, output)
    for run in runs:
        if run.uncertain:
            lines += _describe_uncertain(run, url)
    return lines


def describe_workflow(workflow: Workflow, url: str, output: Path | None) -> Iterator[str]:
    """Yield the lines of one workflow that goes on."""
    to = ("-o", str(output)) if output is not None else ()
    yield f"  workflow {workflow.id} {workflow.state}"
    yield f"    come back: {_command('workflow', 'attach', str(workflow.id), *to, url=url)}"
    if not workflow.ended:
        yield f"    cancel it: {_command('workflow', 'cancel', str(workflow.id), url=url)}"


def _describe_uncertain(run: FileRun, url: str) -> Iterator[str]:
    yield f"The gateway did not answer, and may have accepted the workflow of {run.data}:"
    yield f"    look for it: {_command('workflow', 'list', '--since', '1h', url=url)}"
    if run.objects.held:
        yield f"    its object stays in the bucket: {', '.join(run.objects.held)}"


def _command(*words: str, url: str) -> str:
    """Return a command that reaches the same gateway from the same shell."""
    profile = chosen_profile()
    known = profile or os.environ.get("GATEWAY_URL", LOCAL_URL) == url
    before = ["--gateway", profile] if profile else []
    return shlex.join(["hpc-gateway", *before, *words, *([] if known else ["--url", url])])
