"""The fields of the form that starts a run, as an earlier run had them; keys are not among them."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from api.console.forms import Fields
from api.console.param_fields import (
    COMPUTATION,
    LAYOUT,
    OF_KNN,
    RANKS,
    param_fields,
    resource_fields,
    show_resources,
)
from api.console.run_form import CLASSIFICATION, THEN
from gateway.callers import Caller
from gateway.jobs.services import SERVICES
from gateway.storage.address import without_query
from gateway.workflows import lifecycle as workflows
from gateway.workflows.plan import JobPlan, StorePlan, WorkflowPlan

_SIGNED = ("input.url", "input.endpoint", "output.endpoint")  # their queries are the owner's alone
_PLACE = ("endpoint", "bucket", "object", "region", "credential_id")
_KNOWN = {*SERVICES, "table", *(each.name for each in param_fields(LAYOUT + COMPUTATION + OF_KNN + RANKS))}
_SHARED = (*RANKS, *OF_KNN)  # the second job has the first one's ranks, and fields of its own for these paths


def fields_of_run(session: Session, caller: Caller, run_id: UUID) -> Fields:
    """Return the fields that start the run's first job, and one on its result, again; or raise NotFound."""
    row = workflows.get(session, caller, run_id)
    plan = WorkflowPlan.of(row)
    job, second = plan.jobs[0], _second_job(plan)
    found: dict[str, list[str]] = {"infrastructure": [row.infrastructure], "service": job.services}
    found |= _fields_of_input(plan)
    for name, value in job.params.items():
        found |= _fields_of_options(name, value)
    found |= {name: [text] for name, text in _resources_of(job).items()}
    found |= _fields_of_second(second) | {"left_out": [_left_out(plan, second)]}
    if plan.output is not None:
        found |= {"has_output": ["yes"], **_fields_of_place("output", plan.output)}
    if caller.owner != row.owner:
        found |= {name: [without_query(url) for url in found[name]] for name in _SIGNED if name in found}
    return Fields(found)


def _left_out(plan: WorkflowPlan, second: JobPlan | None) -> str:
    """Return the parts of the run that the form has not, between commas."""
    return ", ".join([*_jobs_left_out(plan, second), *_options_left_out(plan.jobs[0], second)])


def _jobs_left_out(plan: WorkflowPlan, second: JobPlan | None) -> Iterator[str]:
    number = len(plan.jobs) - 1 - (second is not None)
    if number:
        yield f"{number} further {'job' if number == 1 else 'jobs'}"
    if plan.sweep is not None:
        yield "the sweep"


def _options_left_out(job: JobPlan, second: JobPlan | None) -> Iterator[str]:
    for name in job.params:
        if name not in _KNOWN:
            yield name
    names = {field.name for field in resource_fields()}
    for name in _resources_of(job):
        if name not in names:
            yield name
    if second is not None:
        for name, value in second.params.items():
            if name not in {*second.services, *_SHARED} or (name in RANKS and job.params.get(name) != value):
                yield f"{name} of {second.name}"


def _resources_of(job: JobPlan) -> dict[str, str]:
    return show_resources(job.resources.model_dump(exclude_none=True))


def _second_job(plan: WorkflowPlan) -> JobPlan | None:
    """Return the job that takes the first one's result, if it has one service."""
    first = plan.jobs[0].name
    return next((job for job in plan.jobs[1:] if _follows(job, first)), None)


def _follows(job: JobPlan, first: str) -> bool:
    takes_labels = job.services == [CLASSIFICATION]
    links = (None, first) if takes_labels else (first, None)
    return len(job.services) == 1 and (job.input_from, job.labels_from) == links


def _fields_of_second(second: JobPlan | None) -> dict[str, list[str]]:
    if second is None:
        return {}
    [service] = second.services
    paths = {f"{THEN}{name}": [str(second.params[name])] for name in OF_KNN if name in second.params}
    return {
        "then": [service],
        **paths,
        **_fields_of_options(f"{THEN}{service}", second.params.get(service, {})),
    }


def _fields_of_input(plan: WorkflowPlan) -> dict[str, list[str]]:
    source = plan.input.source
    if plan.input.s3 is not None:
        return {"input": ["s3"], **_fields_of_place("input", plan.input.s3)}
    return {"input": [source], f"input.{source}": [str(getattr(plan.input, source))]}


def _fields_of_place(prefix: str, place: StorePlan) -> dict[str, list[str]]:
    given = {name: getattr(place, name) for name in _PLACE}
    return {f"{prefix}.{name}": [str(value)] for name, value in given.items() if value}


def _fields_of_options(name: str, value: Any) -> dict[str, list[str]]:
    """Return the fields of a service's options, or of one parameter."""
    if isinstance(value, dict):
        return {f"{name}.{option}": [_text(each)] for option, each in value.items()}
    return {name: [_text(value)]}


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
