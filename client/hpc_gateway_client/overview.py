"""Models of the overview: queues, workers, clusters, and the failures of the last hour."""

from datetime import datetime

from hpc_gateway_client.models import Model


class Pulse(Model):
    """The health of a cluster; each field is a problem, or empty."""

    worker: str
    scheduler: str
    filesystem: str


class Count(Model):
    """The number of rows of a kind in a state on a cluster."""

    kind: str
    infrastructure: str
    state: str
    count: int


class Failure(Model):
    """A reason of failures, with their number in the last hour."""

    kind: str
    infrastructure: str
    fault: str | None = None
    reason: str
    count: int
    latest: datetime


class Overview(Model):
    """Queues, workers, clusters, and the failures of the last hour."""

    as_of: datetime
    broker: str
    queues: dict[str, int]
    clusters: dict[str, Pulse]
    work: list[Count]
    failures: list[Failure]
    waiting_since: dict[str, datetime]
    rounds_s: dict[str, float]
    webhooks: str = ""
