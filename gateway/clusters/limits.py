"""Defaults and ceilings of the resources that a cluster gives to one job."""

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

NAME = r"^[A-Za-z0-9_.,@+-]{0,255}$"


class Defaults(BaseModel):
    """What a job gets that does not ask; what is left out here is left to the scheduler."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    partition: str = Field("", pattern=NAME)
    account: str = Field("", pattern=NAME)
    qos: str = Field("", pattern=NAME)
    nodes: PositiveInt | None = None
    time_limit_s: PositiveInt | None = None
    memory_per_cpu_bytes: PositiveInt | None = None


class Ceilings(BaseModel):
    """The most that a job may have; what is left out is not limited by the gateway."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    partitions: tuple[str, ...] = Field((), description="Those that clients may name; empty allows all.")
    nodes: PositiveInt | None = None
    time_limit_s: PositiveInt | None = None
    memory_per_cpu_bytes: PositiveInt | None = None


class Limits(BaseModel):
    """Defaults and ceilings of a cluster; no default may be above its ceiling."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    defaults: Defaults = Defaults()
    ceilings: Ceilings = Ceilings()

    @model_validator(mode="after")
    def _defaults_fit(self) -> "Limits":
        given, most = self.defaults, self.ceilings
        if most.partitions and given.partition and given.partition not in most.partitions:
            raise ValueError(f"defaults.partition {given.partition!r} is not among ceilings.partitions")
        for key in ("nodes", "time_limit_s", "memory_per_cpu_bytes"):
            value, ceiling = getattr(given, key), getattr(most, key)
            if value and ceiling and value > ceiling:
                raise ValueError(f"defaults.{key} {value} is above ceilings.{key} {ceiling}")
        return self
