"""The parts of a run's page that its plan decides: members, and the stores that a retry may get keys for."""

from dataclasses import dataclass
from typing import Self
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.callers import Caller
from gateway.workflows import lifecycle as workflows
from gateway.workflows.plan import WorkflowPlan


@dataclass(frozen=True)
class RunParts:
    """Whether a run is a sweep, and its stores by the fields of a retry."""

    is_sweep: bool
    stores: dict[str, str]

    @classmethod
    def load(cls, session: Session, caller: Caller, run_id: UUID) -> Self:
        """Return the parts of a run, or raise NotFound."""
        plan = WorkflowPlan.of(workflows.get(session, caller, run_id))
        places = {"input": plan.input.s3, "output": plan.output}
        return cls(
            plan.sweep is not None,
            {
                name: f"{place.bucket} at {place.endpoint}"
                for name, place in places.items()
                if place is not None
            },
        )
