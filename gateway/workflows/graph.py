"""The graph of a workflow's jobs: which job reads the results of which, without gaps and cycles."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.errors import Invalid
from gateway.workflows.drafts import INPUT_KEY, LABELS_KEY
from gateway.workflows.plan import JobPlan, SweepPlan

LONGEST_SHARED = 16 * 1024  # characters of parameters that each member of a sweep is checked with


def check_graph(jobs: Sequence[JobPlan], sweep: SweepPlan | None) -> None:
    """Raise Invalid, with the field, for jobs that cannot run one after the other."""
    by_name, swept = _by_name(jobs), sweep.job if sweep else None
    for number, job in enumerate(jobs):
        field = f"jobs.{number}"
        _check_params(job, job.params, f"{field}.params")
        if sweep is not None and job.name == swept:
            _check_shared_params(job.params, f"{field}.params")
            for member, params in enumerate(sweep.params):
                _check_params(job, params, f"sweep.params.{member}")
        if job.input_from is not None:
            before = _find(by_name, job.input_from, f"{field}.input_from", swept)
            _check_single_result(before, f"{field}.input_from")
        if job.labels_from is not None:
            _check_labels(job, _find(by_name, job.labels_from, f"{field}.labels_from", swept), field)
    _check_order(jobs)


def _by_name(jobs: Sequence[JobPlan]) -> dict[str, JobPlan]:
    found: dict[str, JobPlan] = {}
    for number, job in enumerate(jobs):
        if job.name in found:
            raise Invalid(f"{job.name!r} is the name of an earlier job already", field=f"jobs.{number}.name")
        found[job.name] = job
    return found


def _check_params(job: JobPlan, params: Mapping[str, Any], field: str) -> None:
    """Refuse parameters of a job, or of a member of its sweep, that the gateway sets."""
    if params.get(INPUT_KEY) is not None:
        reason = "the gateway sets it to the input or to the result of `input_from`: leave it out"
        raise Invalid(reason, field=f"{field}.{INPUT_KEY}")
    if job.labels_from is not None and params.get(LABELS_KEY) is not None:
        reason = "the gateway sets it to the result of `labels_from`: send one of the two"
        raise Invalid(reason, field=f"{field}.{LABELS_KEY}")


def _check_shared_params(params: Mapping[str, Any], field: str) -> None:
    if len(json.dumps(params)) > LONGEST_SHARED:
        raise Invalid(
            f"those of a sweep's job have at most {LONGEST_SHARED} characters, as each member has them",
            field=field,
        )


def _find(by_name: Mapping[str, JobPlan], name: str, field: str, swept: str | None) -> JobPlan:
    if name not in by_name:
        raise Invalid(f"{name!r} is no job of this workflow; there are {', '.join(by_name)}", field=field)
    if name == swept:
        raise Invalid(f"{name!r} is a sweep, whose members have results of their own", field=field)
    return by_name[name]


def _check_single_result(before: JobPlan, field: str) -> None:
    if len(before.services) > 1:
        raise Invalid(
            f"{before.name!r} has the results of {', '.join(before.services)}, expected one service",
            field=field,
        )


def _check_labels(job: JobPlan, labels: JobPlan, field: str) -> None:
    if job.services != ["knn"]:
        raise Invalid(
            f"labels are for knn, and this job runs {', '.join(job.services)}", field=f"{field}.labels_from"
        )
    if labels.services != ["kmean"]:
        reason = f"{labels.name!r} runs {', '.join(labels.services)}, expected kmean, whose result is labels"
        raise Invalid(reason, field=f"{field}.labels_from")


def _check_order(jobs: Sequence[JobPlan]) -> None:
    """Raise Invalid when jobs wait for each other in a circle."""
    waiting = {job.name: job for job in jobs}
    while free := [name for name, job in waiting.items() if not waiting.keys() & set(job.needs)]:
        for name in free:
            del waiting[name]
    if waiting:
        number, job = next((n, job) for n, job in enumerate(jobs) if job.name in waiting)
        field = "input_from" if job.input_from in waiting else "labels_from"
        raise Invalid(f"{', '.join(waiting)} wait for each other in a circle", field=f"jobs.{number}.{field}")
