"""The judgement of a workflow's input, which its jobs wait for where the request has `check`."""

from dataclasses import dataclass
from enum import Enum, auto
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.db import db_now, due_in
from gateway.models import Workflow

PATIENCE_S = 60.0
UNANSWERED = f"the input was not checked: there was no judgement within {PATIENCE_S:g} s"
UNKNOWN = "the input was not checked: its table is not judged here"


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
    judgement = _find(session, transfer_id)
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


def _find(_session: Session, _transfer_id: UUID | None) -> InputCheck:
    """Return the judgement of the staged table; an input that is on the cluster already has none."""
    return InputCheck(Verdict.PASSED, UNKNOWN)
