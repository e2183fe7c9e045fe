"""The parts of a run's page beside its status: members, stores of a retry, figures and sources of steps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from sqlalchemy.orm import Session

from api.console.filter_inputs import Sources, find_sources
from api.console.looked_tables import find_look
from api.console.step_figures import load_step_figures
from gateway.callers import Caller
from gateway.models import Transfer
from gateway.states import TransferState
from gateway.storage.address import without_query
from gateway.workflows import lifecycle as workflows
from gateway.workflows.plan import WorkflowPlan


@dataclass(frozen=True)
class RunParts:
    """Whether a run is a sweep, its stores by the fields of a retry, and the figures of its steps.

    `sources` has the job and the service whose result each job reads; `looked` is the transfer of a look that
    staged the input, as a path below `/console/work`.
    """

    is_sweep: bool
    stores: dict[str, str]
    figures: dict[str, Mapping[str, Any]]
    sources: Sources
    looked: str

    @classmethod
    def load(cls, session: Session, caller: Caller, run_id: UUID) -> Self:
        """Return the parts of a run, or raise NotFound."""
        row = workflows.get(session, caller, run_id)
        plan, is_own = WorkflowPlan.of(row), row.owner == caller.owner
        places = {"input": plan.input.s3, "output": plan.output}
        return cls(
            plan.sweep is not None,
            {
                name: f"{place.bucket} at {place.endpoint if is_own else without_query(place.endpoint)}"
                for name, place in places.items()
                if place is not None
            },
            load_step_figures(session, run_id),
            find_sources(plan),
            _staged(find_look(session, caller, plan.input.path or "")),
        )


def _staged(look: Transfer | None) -> str:
    """Return a look that staged its table as a path below `/console/work`, "" for none."""
    return f"{look.kind}/{look.id}" if look and look.state is TransferState.COMPLETED else ""
