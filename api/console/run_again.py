"""The fields of the form that starts a run, as an earlier run had them; keys are not among them."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from api.console.forms import Fields
from api.console.run_form import THEN
from gateway.callers import Caller
from gateway.storage.address import without_query
from gateway.workflows import lifecycle as workflows
from gateway.workflows.plan import StorePlan, WorkflowPlan

_SIGNED = ("input.url", "input.endpoint", "output.endpoint")  # their queries are the owner's alone
_PLACE = ("endpoint", "bucket", "object", "region", "credential_id")


def fields_of_run(session: Session, caller: Caller, run_id: UUID) -> Fields:
    """Return the fields that start the run's first job, and one on its result, again; or raise NotFound."""
    row = workflows.get(session, caller, run_id)
    plan = WorkflowPlan.of(row)
    job = plan.jobs[0]
    found: dict[str, list[str]] = {"infrastructure": [row.infrastructure], "service": job.services}
    found |= _fields_of_input(plan)
    for name, value in job.params.items():
        found |= _fields_of_options(name, value)
    if limit := job.resources.time_limit_s:
        found["resources.time_limit_s"] = [str(limit)]
    second = _fields_of_second(plan)
    found |= second | {"left_out": _left_out(plan, has_second=bool(second))}
    if plan.output is not None:
        found |= {"has_output": ["yes"], **_fields_of_place("output", plan.output)}
    if caller.owner != row.owner:
        found |= {name: [without_query(url) for url in found[name]] for name in _SIGNED if name in found}
    return Fields(found)


def _left_out(plan: WorkflowPlan, *, has_second: bool) -> list[str]:
    """Return the parts of the run that the form has not."""
    number = len(plan.jobs) - 1 - has_second
    jobs = [f"{number} further {'job' if number == 1 else 'jobs'}"] if number else []
    return [" and ".join([*jobs, *(["the sweep"] if plan.sweep is not None else [])])]


def _fields_of_second(plan: WorkflowPlan) -> dict[str, list[str]]:
    """Return the fields of the second job, which reads the first one's result; empty without one."""
    second = next((job for job in plan.jobs[1:] if job.input_from == plan.jobs[0].name), None)
    if second is None or len(second.services) != 1:
        return {}
    [service] = second.services
    options = _fields_of_options(f"{THEN}{service}", second.params.get(service, {}))
    return {"then": [service], **options}


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
