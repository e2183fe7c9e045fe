"""The resources of a job: the request's, else the cluster's defaults, within the cluster's ceilings."""

import math
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, StrictBool

from gateway.clusters.configuration import Cluster
from gateway.clusters.gres import REQUEST, count_by_name, format_gres, parse_gres
from gateway.clusters.limits import NAME, PLAIN_NAME, Limits
from gateway.errors import Invalid
from gateway.left_out import RequestModel
from gateway.schedulers.base import Resources
from gateway.schedulers.pbs.submission import find_refused

# Larger numbers fit into no record of the scheduler.
LARGEST_TIME_LIMIT_S = 2**31 - 1
LARGEST_MEMORY_BYTES = 2**63 - 1
_LARGEST_NODES = 2**31 - 1

_LONGEST_GRES = 255
_MEMORY = "memory_per_cpu_bytes"
# The list of the cluster's file that decides about each key that clients may only choose from a list.
_LISTS = {"account": "accounts", "qos": "qos", "constraint": "constraints", "reservation": "reservations"}

Granted = dict[str, Any]


def _check_number(value: Any) -> Any:
    """Refuse true and false, which would count as 1 and 0: a run of a second."""
    if isinstance(value, bool):
        raise ValueError(f"expected a number, found {str(value).lower()}")  # noqa: TRY004  pydantic's own
    return value


_Nodes = Annotated[int, Field(ge=1, le=_LARGEST_NODES), BeforeValidator(_check_number)]
_Seconds = Annotated[int, Field(ge=1, le=LARGEST_TIME_LIMIT_S), BeforeValidator(_check_number)]
_Bytes = Annotated[int, Field(ge=1, le=LARGEST_MEMORY_BYTES), BeforeValidator(_check_number)]
_Partition = Annotated[str, Field(pattern=NAME)] | None
_PlainName = Annotated[str, Field(pattern=PLAIN_NAME)] | None
_Gres = Annotated[str, Field(pattern=REQUEST, max_length=_LONGEST_GRES)] | None


class ResourceRequest(RequestModel):
    """The optional `resources` of a job request: `memory_bytes` of the whole job, `gres` of each node."""

    model_config = ConfigDict(extra="forbid")

    partition: _Partition = None
    nodes: _Nodes | None = None
    time_limit_s: _Seconds | None = None
    memory_bytes: _Bytes | None = None
    account: _PlainName = None
    qos: _PlainName = None
    constraint: _PlainName = Field(None, description="One feature that the nodes must have.")
    reservation: _PlainName = None
    gres: _Gres = Field(
        None, description="Generic resources of each node, as `name[:type][:count]` with commas."
    )
    grow: StrictBool | None = Field(
        None,
        description="Run a job that ends by memory or time again, at most twice, with twice of it;"
        " the cluster decides when left out.",
    )


def grant(request: ResourceRequest, limits: Limits, ranks: int, threads: int) -> Granted:
    """Return the granted resources, or raise Invalid with the key and the ceiling."""
    given, most = limits.defaults, limits.ceilings
    defaults = {
        "partition": given.partition,
        "account": given.account,
        "qos": given.qos,
        "constraint": "",
        "reservation": "",
        "gres": "",
        "nodes": given.nodes and min(given.nodes, ranks),
        "time_limit_s": given.time_limit_s or most.time_limit_s,
        "memory_per_cpu_bytes": given.memory_per_cpu_bytes,
        "grow": limits.grow_on_retry,
    }
    return defaults | check_request(request, limits, ranks, threads)


def check_request(request: ResourceRequest, limits: Limits, ranks: int, threads: int) -> Granted:
    """Return the requested resources alone in the form of granted ones, or raise Invalid.

    Memory is granted per CPU, rounded up to a whole byte.
    """
    _check_partition(request.partition, limits)
    for key, option in _LISTS.items():
        _check_choice(key, option, getattr(request, key), limits)
    _check_amounts(request, limits, ranks, threads)
    _check_gres(request.gres, limits)
    if isinstance(limits, Cluster) and limits.scheduler == "pbs":
        _check_pbs(request)
    asked = request.model_dump(exclude_none=True)
    memory = asked.pop("memory_bytes", None)
    if memory is not None:
        asked[_MEMORY] = math.ceil(memory / (ranks * threads))
    if request.gres is not None:
        asked["gres"] = format_gres(parse_gres(request.gres))
    return asked


def _check_pbs(request: ResourceRequest) -> None:
    """Refuse resources that PBS lacks, before the row is made."""
    asked = request.model_dump(exclude_none=True, include={"partition", "gres", *_LISTS})
    if refused := find_refused(Resources(**asked)):
        raise Invalid(refused[1], field=f"resources.{refused[0]}")


def _check_partition(asked: str | None, limits: Limits) -> None:
    most = limits.ceilings
    if asked and not most.allow_partitions(asked):
        raise Invalid(f"{asked!r} is not among {', '.join(most.partitions)}", field="resources.partition")


def _check_choice(key: str, option: str, asked: str | None, limits: Limits) -> None:
    """Refuse a name that the cluster's file neither lists nor has as its default."""
    allowed = getattr(limits.ceilings, option)
    if asked is None or asked in allowed or asked == getattr(limits.defaults, key, None):
        return
    raise _not_listed(key, option, asked, allowed)


def _not_listed(key: str, option: str, asked: str, allowed: tuple[str, ...]) -> Invalid:
    if not allowed:
        detail = (
            f"this cluster lets clients choose none: leave it out, or let its operator list {asked!r} in"
            f" ceilings.{option} of infrastructures.toml"
        )
    else:
        detail = f"{asked!r} is not among {', '.join(allowed)}, the ceilings.{option} of this cluster"
    return Invalid(detail, field=f"resources.{key}")


def _check_amounts(request: ResourceRequest, limits: Limits, ranks: int, threads: int) -> None:
    most = limits.ceilings
    if request.nodes and request.nodes > ranks:
        raise Invalid(f"{request.nodes} nodes are more than the {ranks} ranks", field="resources.nodes")
    _check_ceiling("nodes", request.nodes, most.nodes)
    _check_ceiling("time_limit_s", request.time_limit_s, most.time_limit_s)
    memory_ceiling = most.memory_per_cpu_bytes and most.memory_per_cpu_bytes * ranks * threads
    _check_ceiling("memory_bytes", request.memory_bytes, memory_ceiling)


def _check_ceiling(key: str, asked: int | None, ceiling: int | None) -> None:
    if asked and ceiling and asked > ceiling:
        raise Invalid(f"{asked} is above this cluster's ceiling of {ceiling}", field=f"resources.{key}")


def _check_gres(asked: str | None, limits: Limits) -> None:
    """Refuse a name that is not listed, or more of it on a node than its ceiling, over all its types."""
    most = parse_gres(",".join(limits.ceilings.gres))
    for name, count in count_by_name(parse_gres(asked or "")).items():
        if name not in most:
            raise _not_listed("gres", "gres", name, tuple(most))
        if count > most[name]:
            raise Invalid(
                f"{count} of {name} on each node is above this cluster's ceiling of {most[name]}",
                field="resources.gres",
            )


def option_of(key: str) -> str:
    """Return the option of a request that sets a key of granted resources."""
    return f"resources.{'memory_bytes' if key == _MEMORY else key}"


def figure_of(key: str, value: Any, params: Mapping[str, Any]) -> Any:
    """Return the value of a key of granted resources as a request has it: memory is of the whole job."""
    return value * params["num_mpi_procs"] * params["num_thread"] if key == _MEMORY and value else value


def describe_change(key: str, before: Any, after: Any, params: Mapping[str, Any]) -> str:
    """Return the new and the old value of a key of granted resources, as a request has them."""
    new, old = figure_of(key, after, params), figure_of(key, before, params)
    return f"{option_of(key)} {new} in place of {'none' if old in {None, ''} else old}"


def scheduler_resources(granted: Granted, cpus_per_node: int) -> Resources:
    """Return the granted resources in the form of the scheduler."""
    known = {key: value for key, value in granted.items() if key != "grow"}
    return Resources(**known, cpus_per_node=cpus_per_node)
