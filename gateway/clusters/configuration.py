"""`infrastructures.toml`: what the operator says of each cluster, validated when it is read."""

import os
import re
import tomllib
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, PositiveInt, TypeAdapter, ValidationError

from gateway.clusters.limits import Limits
from gateway.errors import Invalid

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"
# Of a cluster that is not this machine.
DEFAULT_MAX_CPUS = 128
OWNER = "{owner}"
RESERVED_NAMES = frozenset({"housekeeping"})


def _absolute(path: PurePosixPath) -> PurePosixPath:
    if not path.is_absolute() or ".." in path.parts:
        raise ValueError("an absolute path without '..' is needed")
    return path


def _for_owners(path: PurePosixPath) -> PurePosixPath:
    if path.parts.count(OWNER) > 1 or any(set("{}") & set(part) for part in path.parts if part != OWNER):
        raise ValueError(f"{OWNER} stands once, as a folder by itself")
    return path


def _of_one_account(path: PurePosixPath) -> PurePosixPath:
    if OWNER in path.parts:
        raise ValueError(f"the home is one account's: {OWNER} belongs into roots")
    return path


AbsolutePath = Annotated[PurePosixPath, AfterValidator(_absolute)]
Root = Annotated[AbsolutePath, AfterValidator(_for_owners)]


def _default_max_cpus(given: dict[str, object]) -> int:
    return (os.cpu_count() or 1) if given.get("scheduler") == "local" else DEFAULT_MAX_CPUS


class Cluster(Limits):
    """One infrastructure as configured. Paths are the cluster's, not the API's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=NAME_PATTERN)
    scheduler: Literal["local", "slurm", "pbs"]
    home: Annotated[AbsolutePath, AfterValidator(_of_one_account)] = Field(
        description="Home of the account that runs the jobs: `${HOME}`."
    )
    roots: tuple[Root, ...] = Field(
        (),
        description="Folders below which clients may read and write. `{owner}` in them stands for each"
        " owner's own; without it all share them. When empty, each owner has a folder below the home.",
    )
    python: str = Field("python3", description="Interpreter on the compute nodes that has hpc_kernels.")
    host: str = "localhost"
    hostname: str = ""
    username: str = ""
    max_cpus: int = Field(
        default_factory=_default_max_cpus,
        ge=1,
        description="Most ranks times threads of a job; with scheduler `local` also what runs at once.",
    )
    max_transfers: PositiveInt | None = Field(
        None, description="Unfinished transfers at once, of all owners."
    )
    max_jobs: PositiveInt | None = Field(None, description="Unfinished jobs at once, of all owners.")
    slurm_conf: AbsolutePath = PurePosixPath("/etc/slurm/slurm.conf")
    path: str = Field(
        "/usr/local/bin:/usr/bin:/bin", description="PATH under which the nodes find the launcher `srun`."
    )
    mpi: str = Field(
        "",
        pattern=r"^[A-Za-z0-9_]*$",
        description="What `srun --mpi` offers the ranks, of `srun --mpi=list`; empty leaves it to Slurm.",
    )

    @property
    def grounds(self) -> tuple[PurePosixPath, ...]:
        """The folders that have to be there: each root up to the owner's own, or the home."""
        return tuple(_ground(root) for root in self.roots) or (self.home,)


def _ground(root: PurePosixPath) -> PurePosixPath:
    parts = root.parts
    return PurePosixPath(*parts[: parts.index(OWNER)]) if OWNER in parts else root


def check_name(name: str) -> str:
    """Return a name that can be an infrastructure's, or raise Invalid: it names queues and leases."""
    if not re.fullmatch(NAME_PATTERN, name) or name in RESERVED_NAMES or name.endswith(".control"):
        raise Invalid(
            "letters, digits, '_', '.' and '-', at most 63, not 'housekeeping' and not ending in '.control'",
            field="name",
        )
    return name


def load(path: Path) -> dict[str, Cluster]:
    """Read the file; one that does not exist defines no cluster. Raise Invalid naming file and key."""
    if not path.exists():
        return {}
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        return TypeAdapter(dict[str, Cluster]).validate_python(
            {check_name(name): {"name": name, **table} for name, table in tables.items()}
        )
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"{path}: not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise Invalid(f"{path}: {key}: {first['msg']}") from error


@lru_cache
def clusters(path: Path) -> dict[str, Cluster]:
    """Return the clusters of the file, read once per process."""
    return load(path)
