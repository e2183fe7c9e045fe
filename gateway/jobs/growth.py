"""Growth of a job: a run that ended by memory or time is followed by one with twice of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.clusters.limits import Limits
from gateway.jobs.resources import (
    LARGEST_MEMORY_BYTES,
    LARGEST_TIME_LIMIT_S,
    Granted,
    describe_change,
    figure_of,
    option_of,
)
from gateway.models import Job
from gateway.states import JobState, State

MOST_GROWTHS = 2
# The key of the row's resources, by the end that asks for more of it.
GROWN: dict[State, str] = {JobState.TIMEOUT: "time_limit_s", JobState.OUT_OF_MEMORY: "memory_per_cpu_bytes"}
_LARGEST = {"time_limit_s": LARGEST_TIME_LIMIT_S, "memory_per_cpu_bytes": LARGEST_MEMORY_BYTES}


@dataclass(frozen=True)
class Growth:
    """The decision on a run that has ended: the resources of the next run, or None; and the reason."""

    resources: Granted | None
    reason: str = ""


def decide_growth(
    row: Job, limits: Limits, state: JobState, of_member: Mapping[str, Any] | None = None
) -> Growth:
    """Decide whether the job runs again after this end, within the ceilings of its cluster.

    The decision has no reason where no growth is wanted, or the end is by neither memory nor time.
    `of_member` is the finding of a member, where not the job has ended but members of it.
    """
    key = GROWN.get(state)
    if key is None or not row.resources.get("grow"):
        return Growth(None)
    had = _largest_known(row, key, of_member or row.finding)
    most = getattr(limits.ceilings, key) or _LARGEST[key]
    obstacle = _find_obstacle(row, key, had, most)
    if had is None or obstacle:
        return Growth(None, f"not run again: {obstacle}")
    new = min(2 * had, most)
    return Growth(row.resources | {key: new}, f"run again with {describe_change(key, had, new, row.params)}")


def _largest_known(row: Job, key: str, finding: Mapping[str, Any] | None) -> int | None:
    """Return the figure that the run had: the scheduler rounds requests up, and has defaults of its own."""
    return max(filter(None, (limit_of(finding, key), row.resources.get(key))), default=None)


def limit_of(finding: Mapping[str, Any] | None, key: str) -> int | None:
    """Return the limit of a run that the scheduler tells in a finding."""
    limit: int | None = ((finding or {}).get("limits") or {}).get(key)
    return limit


def _find_obstacle(row: Job, key: str, had: int | None, most: int) -> str:
    option = option_of(key)
    if row.cancel_requested_at is not None:
        return "its cancellation was requested meanwhile"
    if row.growths >= MOST_GROWTHS:
        return f"this attempt has grown {MOST_GROWTHS} times already; retry it with more"
    if had is None:
        return f"neither its request nor the scheduler tells its limit; retry it with {option}"
    if had >= most:
        return f"{option} {figure_of(key, had, row.params)} leaves no room below ceilings.{key}"
    return ""
