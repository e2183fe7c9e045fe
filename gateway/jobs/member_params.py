"""The parameters of members: those of each member merged deeply over the job's, and understood as a job's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from gateway.clusters import catalog
from gateway.clusters.owner_roots import owner_roots
from gateway.errors import Invalid
from gateway.jobs.attempts import PathCheck
from gateway.jobs.folders import JobFolders
from gateway.jobs.params import parse_params
from gateway.models import Job

Params = Mapping[str, Any]
MOST_MEMBERS = 1000
INPUT_KEY = "read_input_data"
# An array has one shape and one output folder.
SHARED = ("num_mpi_procs", "num_thread", "num_numa", "num_core_numa", "root_dir", "workspace")
_PATHS = frozenset({"inference_knn_path", "clustering_label_path", "profiling_workspace"})
_MOST_WARNINGS = 20


@dataclass(frozen=True)
class UnderstoodMembers:
    """The understood parameters of each member in which it differs from its job, and warnings."""

    changes: list[dict[str, Any]]
    warnings: list[str]


def merge_params(base: Params, more: Params) -> dict[str, Any]:
    """Return the parameters of a member: its own, merged deeply over those of the job; null is left out."""
    merged = dict(base)
    for key, value in more.items():
        before = merged.get(key)
        if value is None:
            continue
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            merged[key] = merge_params(before, value)
        else:
            merged[key] = value
    return merged


def understand_members(
    session: Session, job: Job, base: Params, members: Sequence[Params]
) -> UnderstoodMembers:
    """Return the members' parameters as understood; `base` are the job's as they were sent.

    Raises
    ------
    Invalid
        With the number of the first member that cannot be honoured, and its key, as in `3.fft.detrend`.
    """
    if not 1 <= len(members) <= MOST_MEMBERS:
        raise Invalid(f"1 to {MOST_MEMBERS:,} members are needed, found {len(members):,}")
    cluster, services = catalog.get_cluster(session, job.infrastructure), job.services.split()
    roots = owner_roots(cluster, job.owner)
    check = PathCheck(session, job.owner, roots)
    changes: list[dict[str, Any]] = []
    warnings: dict[str, None] = {}
    for number, given in enumerate(members):
        try:
            _check_shared(given)
            params, told = parse_params(merge_params(base, given), services, cluster)
            changes.append({key: value for key, value in params.items() if job.params.get(key) != value})
            if _PATHS & changes[-1].keys():
                check.check_job(JobFolders.of(params, roots), params)
        except Invalid as error:
            raise _of_member(error, number) from error
        warnings |= dict.fromkeys(told)
    return UnderstoodMembers(changes, list(warnings)[:_MOST_WARNINGS])


def _check_shared(given: Params) -> None:
    for key in (INPUT_KEY, *SHARED):
        if given.get(key) is not None:
            reason = "it is set by the gateway" if key == INPUT_KEY else "all members share the job's"
            raise Invalid(f"{reason}: leave it out", field=key)


def _of_member(error: Invalid, number: int) -> Invalid:
    """Return the error with the member's number before the key, which the sentence names no more."""
    key = error.field.removeprefix("params").removeprefix(".")
    field = error.field
    detail = error.detail.removeprefix(f"{field}: ").removeprefix(f"{field} ") if field else error.detail
    return Invalid(detail, field=f"{number}.{key}" if key else str(number))
