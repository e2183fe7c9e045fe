"""The gateway on one screen, as it tells it."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Pulse(_Part):
    """How a cluster is; each field is empty when all is well."""

    worker: str
    scheduler: str
    filesystem: str


class Count(_Part):
    """How many of a kind are in a state on a cluster."""

    kind: str
    infrastructure: str
    state: str
    count: int


class Failure(_Part):
    """A reason of the last hour's failures."""

    kind: str
    infrastructure: str
    fault: str | None = None
    reason: str
    count: int
    latest: datetime


class Overview(_Part):
    """Queues, workers, clusters, and the failures of the last hour."""

    as_of: datetime
    broker: str
    queues: dict[str, int]
    clusters: dict[str, Pulse]
    work: list[Count]
    failures: list[Failure]
    waiting_since: dict[str, datetime]
    rounds_s: dict[str, float]
