"""The inputs of filters: a filter's result is drawn over the samples that it was computed from."""

from typing import Any

from gateway.states import JobState, TransferState
from gateway.workflows.plan import INPUT, WorkflowPlan

FILTERS = ("kalman", "savitzky_golay", "wavelet")
_GOOD_ENDS = frozenset({TransferState.COMPLETED, JobState.SUCCEEDED})
Sources = dict[str, tuple[str, str]]


def find_sources(plan: WorkflowPlan) -> Sources:
    """Return the job and the service whose result each job reads, two blanks for one that reads the input."""
    services = {job.name: job.services[0] for job in plan.jobs}
    return {job.name: (job.input_from or "", services.get(job.input_from or "", "")) for job in plan.jobs}


def input_row(run: dict[str, Any], looked: str) -> str:
    """Return the transfer of the run's input as a path below `/console/work`, "" where there is none.

    `looked` is that of a run on a table that was looked at before.
    """
    for step in run["steps"]:
        if step["name"] == INPUT and step["kind"] != "job" and step["state"] in _GOOD_ENDS:
            return f"{step['kind']}/{step['id']}"
    return looked


def preview_beneath(sources: Sources, run: dict[str, Any], output: dict[str, Any], staged: str) -> str:
    """Return the preview of a filter's input as a path below `/console/work`, "" where there is none."""
    name, service = sources.get(output["job"], ("", ""))
    if output["service"] not in FILTERS:
        return ""
    if not name:
        return f"{staged}/preview" if staged else ""
    found = (step["id"] for step in run["steps"] if (step["kind"], step["name"]) == ("job", name))
    return f"job/{next(found)}/outputs/{service}/preview"
