"""The advance of workflows: in the transaction that ends a step, the steps after it begin.

The row of the workflow is locked first, so that two ends at once begin no step twice; the unique index of
the steps stands behind that. A step that cannot begin fails the workflow with the reason; the end of the
step before stands in any case.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from gateway.clusters import catalog
from gateway.clusters.configuration import Cluster
from gateway.db import db_now
from gateway.errors import Fault, GatewayError, NotFound
from gateway.models import JudgedTable, Transfer, Workflow
from gateway.states import WorkflowState, is_final
from gateway.tables.judgement import on_judged
from gateway.work import quotas, step_moves
from gateway.work.failures import ON_REQUEST
from gateway.workflows import checks
from gateway.workflows.begin import Beginning, begin_step
from gateway.workflows.begun_steps import BegunStep, Key, load_begun_steps
from gateway.workflows.checks import Verdict
from gateway.workflows.plan import INPUT, PlannedStep, WorkflowPlan
from gateway.workflows.transitions import move_workflow, reopen_workflow

BATCH = 500
_ACCEPTED = "accepted"
_BROKEN = "the gateway failed at its beginning: its log has the cause"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Look:
    """A workflow whose row is locked, and its steps as they are."""

    workflow: Workflow
    plan: WorkflowPlan
    begun: Mapping[Key, BegunStep]

    @property
    def has_live_step(self) -> bool:
        """Whether a step is under way."""
        return any(not is_final(step.state) for step in self.begun.values())

    @property
    def is_worked_on(self) -> bool:
        """Whether a step is under way that does not only wait for a worker."""
        return any(not is_final(step.state) and step.state != _ACCEPTED for step in self.begun.values())

    def ready_steps(self, *, input_passed: bool) -> list[PlannedStep]:
        """Return the steps that may begin now."""
        return [
            step
            for step in self.plan.steps()
            if step.key not in self.begun
            and step.label not in self.workflow.refusals
            and all(self._has_succeeded(name) for name in step.needs)
            and (input_passed or not step.reads_input)
        ]

    def _has_succeeded(self, job: str) -> bool:
        step = self.begun.get((True, job))
        return step is not None and step.succeeded

    @property
    def staged_input(self) -> BegunStep | None:
        """The transfer of the input, once it has begun."""
        return self.begun.get((False, INPUT))


def advance(session: Session, workflow_ids: Iterable[UUID]) -> None:
    """Begin the steps whose predecessors have succeeded, and end the workflows that are done."""
    these = Workflow.id.in_(sorted(workflow_ids))
    locked = select(Workflow).where(these).order_by(Workflow.id).with_for_update()
    advance_locked(session, session.scalars(locked.execution_options(populate_existing=True)).all())


def advance_locked(session: Session, workflows: Sequence[Workflow]) -> None:
    """Advance workflows whose rows are locked; the counts of quotas are locked once for all of them."""
    admission = quotas.Admission(session, _owners_and_clusters(session, workflows))
    for workflow in workflows:
        _advance_one(session, workflow, admission)


def _owners_and_clusters(session: Session, workflows: Sequence[Workflow]) -> list[tuple[str, Cluster]]:
    """Return owner and cluster of each workflow; a cluster that is gone admits nothing."""
    found: list[tuple[str, Cluster]] = []
    for workflow in workflows:
        with suppress(NotFound):
            found.append((workflow.owner, catalog.get_cluster(session, workflow.infrastructure)))
    return found


def _advance_one(session: Session, workflow: Workflow, admission: quotas.Admission) -> None:
    look = Look(workflow, WorkflowPlan.of(workflow), load_begun_steps(session, workflow.id))
    if is_final(workflow.state):
        if not look.has_live_step:
            return
        workflow.refusals = {}
        reopen_workflow(session, workflow, "a step was retried", "")
    if workflow.state is WorkflowState.ACCEPTED and look.is_worked_on:
        move_workflow(session, workflow, WorkflowState.RUNNING)
    is_cancelled = workflow.cancel_requested_at is not None
    if not is_cancelled and _begin_ready(session, look, admission):
        return
    if not look.has_live_step and (is_cancelled or workflow.check_until is None):
        _end(session, look)


def advance_unanswered(session: Session) -> None:
    """Advance the workflows that have waited too long for a judgement."""
    waiting = Workflow.check_until <= db_now(), Workflow.state.in_(Workflow.live)
    advance(session, session.scalars(select(Workflow.id).where(*waiting).limit(BATCH)).all())


def _begin_ready(session: Session, look: Look, admission: quotas.Admission) -> bool:
    """Begin the steps that are ready; tell whether one has begun."""
    passed = _input_passed(session, look)
    ready = look.ready_steps(input_passed=passed)
    return sum(_try_to_begin(session, look, step, admission) for step in ready) > 0


def _input_passed(session: Session, look: Look) -> bool:
    """Tell whether jobs may read the input; refuse them with the kernels' words when it would fail."""
    workflow, staged = look.workflow, look.staged_input
    is_there = look.plan.input.path is not None or (staged is not None and staged.succeeded)
    if not is_there or not look.plan.check:
        return is_there
    judgement = checks.judge(session, workflow, staged.id if staged else None)
    if judgement.verdict is Verdict.REFUSED:
        for step in look.ready_steps(input_passed=True):
            if step.reads_input:
                _refuse(workflow, step, judgement.words, Fault.INPUT)
    elif judgement.words and judgement.words not in workflow.warnings:
        workflow.warnings = [*workflow.warnings, judgement.words]
    return judgement.verdict is Verdict.PASSED


def _try_to_begin(session: Session, look: Look, step: PlannedStep, admission: quotas.Admission) -> bool:
    """Begin the step, or record why it cannot."""
    try:
        with session.begin_nested():
            begin_step(session, Beginning(look.workflow, look.plan, step, look.begun), admission)
    except GatewayError as error:
        _refuse(look.workflow, step, error.detail, error.fault)
    except SQLAlchemyError:
        raise
    except Exception:  # noqa: BLE001  a bug of a beginning must not undo the end of the step before
        _log.exception("workflow %s: %s did not begin", look.workflow.id, step.label)
        _refuse(look.workflow, step, _BROKEN, Fault.INTERNAL)
    else:
        return True
    return False


def _refuse(workflow: Workflow, step: PlannedStep, reason: str, fault: Fault) -> None:
    workflow.refusals = {**workflow.refusals, step.label: {"reason": reason, "fault": str(fault)}}


def _end(session: Session, look: Look) -> None:
    """End a workflow of which nothing is under way and nothing can begin."""
    workflow, steps = look.workflow, look.plan.steps()
    workflow.check_until = None
    if all(step.key in look.begun and look.begun[step.key].succeeded for step in steps):
        workflow.input_secret = workflow.output_secret = None
        move_workflow(session, workflow, WorkflowState.SUCCEEDED)
    elif workflow.cancel_requested_at is not None:
        workflow.input_secret = workflow.output_secret = None
        move_workflow(session, workflow, WorkflowState.CANCELLED, ON_REQUEST)
    else:
        reason, fault = _first_failure(look, steps)
        move_workflow(session, workflow, WorkflowState.FAILED, reason, fault)


def _first_failure(look: Look, steps: list[PlannedStep]) -> tuple[str, Fault | None]:
    """Return the reason of the step that ended first without success, else of one that could not begin."""
    by_key = {step.key: step for step in steps}
    failed = [(step.ended_at, key, step) for key, step in look.begun.items() if step.failed]
    if failed:
        _, key, step = min(failed)
        return f"{by_key[key].label} ended as {step.state}: {step.reason}", step.fault
    refused = next((step.label for step in steps if step.label in look.workflow.refusals), None)
    if refused is None:
        return "a step was removed: send the workflow again", Fault.INTERNAL
    refusal = look.workflow.refusals[refused]
    return f"{refused} could not begin: {refusal['reason']}", Fault(refusal["fault"])


def _advance_moved(session: Session, workflow_ids: AbstractSet[UUID]) -> None:
    advance(session, workflow_ids)


@on_judged
def _advance_judged(session: Session, judgement: JudgedTable) -> None:
    """Go on with the workflow whose input was judged."""
    row = session.get_one(Transfer, judgement.transfer_id)
    if row.workflow_id is not None and row.step == INPUT:
        advance(session, {row.workflow_id})


step_moves.listener = _advance_moved
