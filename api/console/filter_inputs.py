"""The inputs of results: a filter is drawn over its input, and labels colour the signals that they are of."""

from typing import Any, NamedTuple

from gateway.states import JobState, TransferState
from gateway.workflows.plan import INPUT, WorkflowPlan

FILTERS = ("kalman", "savitzky_golay", "wavelet")
LABELS = "kmean"
_GOOD_ENDS = frozenset({TransferState.COMPLETED, JobState.SUCCEEDED})


class Source(NamedTuple):
    """The job and the service whose result a job reads, both blank for one that reads the input.

    `is_whole` is false where options of the job choose or order the signals of its table.
    """

    job: str
    service: str
    is_whole: bool


Sources = dict[str, Source]


def find_sources(plan: WorkflowPlan) -> Sources:
    """Return the source of each job."""
    services = {job.name: job.services[0] for job in plan.jobs}
    return {
        job.name: Source(
            job.input_from or "", services.get(job.input_from or "", ""), not job.params.get("table")
        )
        for job in plan.jobs
    }


def input_row(run: dict[str, Any], looked: str) -> str:
    """Return the transfer of the run's input as a path below `/console/work`, "" where there is none.

    `looked` is that of a run on a table that was looked at before.
    """
    for step in run["steps"]:
        if step["name"] == INPUT and step["kind"] != "job" and step["state"] in _GOOD_ENDS:
            return f"{step['kind']}/{step['id']}"
    return looked


def preview_beneath(sources: Sources, run: dict[str, Any], output: dict[str, Any], staged: str) -> str:
    """Return the preview of a result's input as a path below `/console/work`, "" where it is not drawn."""
    source = sources.get(output["job"])
    if source is None or not _is_drawn(output["service"], source):
        return ""
    if not source.job:
        return f"{staged}/preview" if staged else ""
    found = (step["id"] for step in run["steps"] if (step["kind"], step["name"]) == ("job", source.job))
    return f"job/{next(found)}/outputs/{source.service}/preview"


def _is_drawn(service: str, source: Source) -> bool:
    """Tell whether the input is drawn: filters keep the names of signals, labels have their order alone."""
    return service in FILTERS or (service == LABELS and source.is_whole)
