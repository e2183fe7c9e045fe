"""The judgement of a workflow's input, which its jobs wait for where the request has `check`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.db import db_now, due_in
from gateway.models import Transfer, Workflow
from gateway.states import JudgementState
from gateway.tables.judgement import request_one
from gateway.tables.understood import problem_of_job
from gateway.workflows.plan import WorkflowPlan

PATIENCE_S = 60.0
UNANSWERED = f"the input was not checked: there was no judgement within {PATIENCE_S:g} s"
UNKNOWN = "the input was not checked"


class Verdict(Enum):
    """Whether the jobs that read the input may begin."""

    WAIT = auto()
    PASSED = auto()
    REFUSED = auto()


@dataclass(frozen=True)
class InputCheck:
    """The result of the check of an input: the verdict, with a warning or the kernels' words."""

    verdict: Verdict
    words: str = ""


def judge(session: Session, workflow: Workflow, transfer_id: UUID | None) -> InputCheck:
    """Return the judgement of the input, which is completed; wait no longer than PATIENCE_S for it."""
    judgement = _find(session, WorkflowPlan.of(workflow), transfer_id)
    if judgement.verdict is not Verdict.WAIT:
        workflow.check_until = None
        return judgement
    if workflow.check_until is None:
        workflow.check_until = due_in(PATIENCE_S)
        return judgement
    if session.scalar(select(Workflow.check_until > db_now()).where(Workflow.id == workflow.id)):
        return judgement
    workflow.check_until = None
    return InputCheck(Verdict.PASSED, UNANSWERED)


def _find(session: Session, plan: WorkflowPlan, transfer_id: UUID | None) -> InputCheck:
    """Return the judgement of the staged table; an input that is on the cluster already has none."""
    row = None if transfer_id is None else session.get(Transfer, transfer_id)
    judgement = None if row is None else request_one(session, row)
    if judgement is None:
        return InputCheck(Verdict.PASSED, f"{UNKNOWN}: its table is not judged here")
    if judgement.state is JudgementState.JUDGING:
        return InputCheck(Verdict.WAIT)
    if judgement.state is JudgementState.UNKNOWN:
        return InputCheck(Verdict.PASSED, f"{UNKNOWN}: {judgement.reason}")
    return _check_jobs(judgement.understood or {}, plan)


def _check_jobs(understood: Mapping[str, Any], plan: WorkflowPlan) -> InputCheck:
    """Refuse a table with which a job that reads it would fail; a sweep would where each member would."""
    for job in plan.jobs:
        if job.input_from is None:
            problems = [problem_of_job(understood, params) for params in plan.params_of(job)]
            if all(problems):
                return InputCheck(Verdict.REFUSED, problems[0])
    return InputCheck(Verdict.PASSED)
