"""What a job asks of its scheduler: the cluster's defaults, the request's wishes, the cluster's ceilings."""

import math

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from gateway.clusters.limits import NAME, Limits
from gateway.errors import Invalid
from gateway.schedulers.base import Resources


class ResourceRequest(BaseModel):
    """The optional `resources` of a job request. `memory_bytes` is for the whole job."""

    model_config = ConfigDict(extra="forbid")

    partition: str | None = Field(None, pattern=NAME, min_length=1)
    nodes: PositiveInt | None = None
    time_limit_s: PositiveInt | None = None
    memory_bytes: PositiveInt | None = None


def grant(wishes: ResourceRequest, limits: Limits, ranks: int, threads: int) -> dict[str, str | int | None]:
    """Return what the job gets, or raise Invalid naming the key and the ceiling."""
    given, most = limits.defaults, limits.ceilings
    cpus = ranks * threads
    per_cpu = wishes.memory_bytes and math.ceil(wishes.memory_bytes / cpus)
    if wishes.partition and most.partitions and wishes.partition not in most.partitions:
        raise Invalid(
            f"{wishes.partition!r} is not among {', '.join(most.partitions)}", field="resources.partition"
        )
    if wishes.nodes and wishes.nodes > ranks:
        raise Invalid(f"{wishes.nodes} nodes are more than the {ranks} ranks", field="resources.nodes")
    _check("nodes", wishes.nodes, most.nodes)
    _check("time_limit_s", wishes.time_limit_s, most.time_limit_s)
    memory_ceiling = most.memory_per_cpu_bytes and most.memory_per_cpu_bytes * cpus
    _check("memory_bytes", wishes.memory_bytes, memory_ceiling)
    nodes = wishes.nodes or (given.nodes and min(given.nodes, ranks))
    return {
        "partition": wishes.partition or given.partition,
        "account": given.account,
        "qos": given.qos,
        "nodes": nodes,
        "time_limit_s": wishes.time_limit_s or given.time_limit_s or most.time_limit_s,
        "memory_per_cpu_bytes": per_cpu or given.memory_per_cpu_bytes,
    }


def _check(key: str, asked: int | None, ceiling: int | None) -> None:
    if asked and ceiling and asked > ceiling:
        raise Invalid(f"{asked} is above this cluster's ceiling of {ceiling}", field=f"resources.{key}")


def resources(granted: dict[str, str | int | None], cpus_per_node: int) -> Resources:
    """Return what was granted, as the scheduler takes it."""
    return Resources(**granted, cpus_per_node=cpus_per_node)  # type: ignore[arg-type]
