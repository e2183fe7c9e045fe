"""The resources of a job: the request's, else the cluster's defaults, within the cluster's ceilings."""

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


def grant(request: ResourceRequest, limits: Limits, ranks: int, threads: int) -> dict[str, str | int | None]:
    """Return the granted resources, or raise Invalid with the key and the ceiling.

    Memory is granted per CPU, rounded up to a whole byte.
    """
    given, most = limits.defaults, limits.ceilings
    cpus = ranks * threads
    per_cpu = request.memory_bytes and math.ceil(request.memory_bytes / cpus)
    if request.partition and not most.allow_partitions(request.partition):
        raise Invalid(
            f"{request.partition!r} is not among {', '.join(most.partitions)}", field="resources.partition"
        )
    if request.nodes and request.nodes > ranks:
        raise Invalid(f"{request.nodes} nodes are more than the {ranks} ranks", field="resources.nodes")
    _check_ceiling("nodes", request.nodes, most.nodes)
    _check_ceiling("time_limit_s", request.time_limit_s, most.time_limit_s)
    memory_ceiling = most.memory_per_cpu_bytes and most.memory_per_cpu_bytes * cpus
    _check_ceiling("memory_bytes", request.memory_bytes, memory_ceiling)
    nodes = request.nodes or (given.nodes and min(given.nodes, ranks))
    return {
        "partition": request.partition or given.partition,
        "account": given.account,
        "qos": given.qos,
        "nodes": nodes,
        "time_limit_s": request.time_limit_s or given.time_limit_s or most.time_limit_s,
        "memory_per_cpu_bytes": per_cpu or given.memory_per_cpu_bytes,
    }


def _check_ceiling(key: str, asked: int | None, ceiling: int | None) -> None:
    if asked and ceiling and asked > ceiling:
        raise Invalid(f"{asked} is above this cluster's ceiling of {ceiling}", field=f"resources.{key}")


def scheduler_resources(granted: dict[str, str | int | None], cpus_per_node: int) -> Resources:
    """Return the granted resources in the form of the scheduler."""
    return Resources(**granted, cpus_per_node=cpus_per_node)  # type: ignore[arg-type]
