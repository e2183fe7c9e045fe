"""Defaults and ceilings of the resources that a cluster gives to one job."""

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

NAME = r"^[A-Za-z0-9_.,@+-]{0,255}$"


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
    """The largest resources of a job; the gateway does not limit those that are left out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    partitions: tuple[str, ...] = Field((), description="Partitions that clients may name; empty allows all.")
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


def partition_names(*partition_lists: str) -> set[str]:
    """Return the partitions of the lists; Slurm starts a job in the one of its list that is free first."""
    return {name for names in partition_lists for name in names.split(",") if name}
