"""The steps of a workflow that have begun, as their rows are in this transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.errors import Fault
from gateway.models import Job, Transfer
from gateway.states import State, is_final, is_success

Key = tuple[bool, str]


@dataclass(frozen=True)
class BegunStep:
    """The row of a step: `path` of a transfer, `outputs` of a job."""

    id: UUID
    state: State
    reason: str
    fault: Fault | None
    ended_at: datetime | None
    path: str = ""
    outputs: tuple[dict[str, Any], ...] = ()

    @property
    def succeeded(self) -> bool:
        """Whether steps after it may begin."""
        return is_success(self.state)

    @property
    def failed(self) -> bool:
        """Whether it has ended without success."""
        return is_final(self.state) and not self.succeeded

    def output(self, service: str) -> str | None:
        """Return the path of the service's result."""
        return next((str(each["path"]) for each in self.outputs if each["service"] == service), None)


def load_begun_steps(session: Session, workflow_id: UUID) -> Mapping[Key, BegunStep]:
    """Return the begun steps by their keys; columns alone are read, as objects may be older than the rows."""
    found: dict[Key, BegunStep] = {}
    for model, own in ((Transfer, Transfer.path), (Job, Job.outputs)):
        columns = model.step, model.id, model.state, model.reason, model.fault, model.ended_at, own
        for step, *values, more in session.execute(select(*columns).where(model.workflow_id == workflow_id)):
            is_job = model is Job
            mine = {"outputs": tuple(more)} if is_job else {"path": more}
            found[is_job, str(step)] = BegunStep(*values, **mine)
    return found
