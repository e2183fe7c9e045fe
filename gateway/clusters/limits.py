"""Defaults and ceilings of the resources that a cluster gives to one job."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from gateway.clusters.gres import CEILING

NAME = r"^[A-Za-z0-9_.,@+-]{0,255}$"
# One name: no list, no expression of Slurm (`&`, `|`), and no option of its commands.
PLAIN_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,127}$"
PlainNames = tuple[Annotated[str, Field(pattern=PLAIN_NAME)], ...]


class Defaults(BaseModel):
    """The resources of a job that requests none; the scheduler chooses those that are left out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    partition: str = Field("", pattern=NAME)
    account: str = Field("", pattern=NAME)
    qos: str = Field("", pattern=NAME)
    nodes: PositiveInt | None = None
    time_limit_s: PositiveInt | None = None
    memory_per_cpu_bytes: PositiveInt | None = None


class Ceilings(BaseModel):
    """The largest resources of a job; the gateway does not limit those that are left out.

    Accounts, qualities of service, constraints, reservations and generic resources are the opposite: clients
    choose among those that are listed here, and may not choose where none is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    partitions: tuple[str, ...] = Field((), description="Partitions that clients may name; empty allows all.")
    accounts: PlainNames = Field((), description="Accounts that clients may name; empty allows none.")
    qos: PlainNames = Field((), description="Qualities of service; empty allows none.")
    constraints: PlainNames = Field((), description="Features of nodes; empty allows none.")
    reservations: PlainNames = Field((), description="Reservations; empty allows none.")
    gres: tuple[Annotated[str, Field(pattern=CEILING)], ...] = Field(
        (), description="Generic resources with their largest count on each node; empty allows none."
    )
    nodes: PositiveInt | None = None
    time_limit_s: PositiveInt | None = None
    memory_per_cpu_bytes: PositiveInt | None = None

    def allow_partitions(self, partition_list: str) -> bool:
        """Tell whether a job may name these partitions: the list as it stands, or each name of it."""
        if not partition_list or not self.partitions or partition_list in self.partitions:
            return True
        return set(partition_list.split(",")) <= {*self.partitions}


class Limits(BaseModel):
    """Defaults and ceilings of a cluster; no default may be above its ceiling."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    defaults: Defaults = Defaults()
    ceilings: Ceilings = Ceilings()
    grow_on_retry: bool = Field(
        default=False,
        description="Whether a job that ends by memory or time runs again with twice of it, where its request"
        " does not say so.",
    )

    @model_validator(mode="after")
    def _check_defaults(self) -> "Limits":
        defaults, ceilings = self.defaults, self.ceilings
        if not ceilings.allow_partitions(defaults.partition):
            raise ValueError(f"defaults.partition {defaults.partition!r} is not among ceilings.partitions")
        for key in ("nodes", "time_limit_s", "memory_per_cpu_bytes"):
            value, ceiling = getattr(defaults, key), getattr(ceilings, key)
            if value and ceiling and value > ceiling:
                raise ValueError(f"defaults.{key} {value} is above ceilings.{key} {ceiling}")
        return self


def is_one_queue(partition: str) -> bool:
    """Tell whether it is a queue of PBS's own, or none: queue@server would hand a job to another server."""
    return not set(",@") & set(partition)


def partition_names(*partition_lists: str) -> set[str]:
    """Return the partitions of the lists; Slurm starts a job in the one of its list that is free first."""
    return {name for names in partition_lists for name in names.split(",") if name}
