"""`/overview`: the whole gateway on one screen."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.deps import Operator, read
from api.problems import responses
from gateway import overview
from gateway.broker import ask_broker
from gateway.faults import Fault
from gateway.queue import HOUSEKEEPING

router = APIRouter(tags=["operators"])


class _FromGateway(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Pulse(_FromGateway):
    """How a cluster is; each field is empty when all is well."""

    worker: str
    scheduler: str
    filesystem: str


class Count(_FromGateway):
    """How many of a kind are in a state on a cluster."""

    kind: str
    infrastructure: str
    state: str
    count: int


class Failure(_FromGateway):
    """A reason of the last hour's failures."""

    kind: str
    infrastructure: str
    fault: Fault | None
    reason: str
    count: int
    latest: datetime


class Overview(_FromGateway):
    """Queues, workers, clusters, and the failures of the last hour."""

    as_of: datetime
    broker: str = Field("", description="Empty when the queue answers.")
    queues: dict[str, int] = Field({}, description="Messages that wait, by cluster.")
    clusters: dict[str, Pulse]
    work: list[Count]
    failures: list[Failure] = Field(description="The most frequent first; none that was cancelled.")
    waiting_since: dict[str, datetime] = Field(description="Arrival of the first in line, by cluster.")
    rounds_s: dict[str, float] = Field(
        description="Seconds since the last round of the sweeper and of each watcher."
    )


@router.get("/overview", responses=responses(403, 503))
def get_overview(_operator: Operator) -> Overview:
    """Show what waits and runs where, who serves it, and what failed in the last hour."""
    found = Overview.model_validate(read(overview.overview))
    broker, queues = ask_broker([HOUSEKEEPING, *found.clusters])
    return found.model_copy(update={"broker": broker, "queues": queues})
