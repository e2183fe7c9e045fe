"""Cures: a sentence for each class of failure, and the step of a run that failed first."""

from typing import Any

from gateway.errors import Fault
from gateway.states import JOB_ENDS, JobState, TransferState

_OF_CLUSTER = "The cluster was not well: retry. Clusters shows the problem there, if it is still there."
CURES = {
    Fault.CREDENTIALS: 'The store knows other keys: use "Retry with other keys".',
    Fault.PERMISSION: 'The keys lack a permission: have it granted, then retry; or "Retry with other keys".',
    Fault.NOT_FOUND: "Put the file there and retry, or start again with another name.",
    Fault.NAME: "The name is impossible there: start again with another one.",
    Fault.SPACE: "Make room, or ask your operator for it; then retry.",
    Fault.NETWORK: "The network failed on the way: retry. If it fails again, check the address.",
    Fault.STORE: "The reason has the store's own words: mend the cause there, then retry.",
    **dict.fromkeys((Fault.FILESYSTEM, Fault.SCHEDULER, Fault.NODE, Fault.LOST, Fault.WORKERS), _OF_CLUSTER),
    Fault.INPUT: "A retry would fail again: start again with other options, or with another table.",
    Fault.KERNEL: "The end of the job's output has the cause. If it fails again, give your operator the id.",
    Fault.LIMIT: 'The time or the memory ran out: on the job\'s page, use "Retry with other resources".',
    Fault.INTERNAL: "The gateway itself failed: give your operator the id, and retry.",
}
_BAD_STEPS = {str(TransferState.FAILED), *map(str, JOB_ENDS - {JobState.SUCCEEDED, JobState.CANCELLED})}


def cure_of(row: dict[str, Any]) -> str:
    """Return the sentence that helps a failed row, "" for one without a class of failure."""
    return CURES[Fault(row["fault"])] if row.get("fault") else ""


def failed_step(run: dict[str, Any]) -> dict[str, Any] | None:
    """Return the first step that began and failed."""
    return next((step for step in run["steps"] if step["id"] and step["state"] in _BAD_STEPS), None)
