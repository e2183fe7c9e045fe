"""One job as Slurm lists it, in plain data: what pyslurm gives, without pyslurm."""

import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True)
class SlurmJob:
    """One job. `state` and `reason` are Slurm's own words; times are aware and in UTC."""

    id: int
    name: str
    state: str
    reason: str
    partition: str
    priority: int
    nodes: int
    cpus: int
    folder: Path
    user_id: int
    exit_code: int | None = None
    signal: int | None = None
    start_at: datetime | None = None
    end_at: datetime | None = None

    @property
    def cpus_per_node(self) -> int:
        """The CPUs it needs on each of its nodes, if they are shared out evenly."""
        return math.ceil(self.cpus / max(1, self.nodes))
