"""Body of the overview."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from gateway.errors import Fault


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
