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


def preview_beneath(sources: Sources, run: dict[str, Any], output: dict[str, Any]) -> str:
    """Return the preview of a filter's input as a path below `/console/work`, "" where there is none."""
    name, service = sources.get(output["job"], ("", ""))
    steps = {(step["kind"] == "job", step["name"]): step for step in run["steps"]}
    step = steps.get((bool(name), name or INPUT))
    if output["service"] not in FILTERS or step is None or step["state"] not in _GOOD_ENDS:
        return ""
    result = f"outputs/{service}/" if name else ""
    return f"{step['kind']}/{step['id']}/{result}preview"
