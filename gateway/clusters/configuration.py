"""The configuration of the clusters: `infrastructures.toml`, validated when it is read."""

import hashlib
import os
import re
import tomllib
from functools import lru_cache
from itertools import permutations
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    PositiveInt,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from gateway.clusters.absolute_path import AbsolutePath
from gateway.clusters.limits import Limits, is_one_queue
from gateway.clusters.queue_names import HOUSEKEEPING, RESERVED_SUFFIXES
from gateway.clusters.ssh_access import SshAccess
from gateway.errors import Invalid
from gateway.settings import get_settings

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"
# For a cluster that is not this machine.
DEFAULT_MAX_CPUS = 128
OWNER = "{owner}"
OWNERS = "owners"
CONTROL = ".hpc-gateway"
RESERVED_NAMES = frozenset({HOUSEKEEPING})


def _check_owner_segment(path: PurePosixPath) -> PurePosixPath:
    if path.parts.count(OWNER) > 1 or any(set("{}") & set(part) for part in path.parts if part != OWNER):
        raise ValueError(f"{OWNER} may be one folder of the path, whole and once")
    return path


def _check_no_owner(path: PurePosixPath) -> PurePosixPath:
    if OWNER in path.parts:
        raise ValueError(f"the folder belongs to one account: {OWNER} is allowed in roots alone")
    return path


AccountFolder = Annotated[AbsolutePath, AfterValidator(_check_no_owner)]
Root = Annotated[AbsolutePath, AfterValidator(_check_owner_segment)]


def _default_control(given: dict[str, PurePosixPath]) -> PurePosixPath:
    return given.get("home", PurePosixPath("/")) / CONTROL


def _default_slurm(given: dict[str, object]) -> Literal["pyslurm", "commands"]:
    return "commands" if given.get("commands") == "ssh" else "pyslurm"


def _default_max_cpus(given: dict[str, object]) -> int:
    return (os.cpu_count() or 1) if given.get("scheduler") == "local" else DEFAULT_MAX_CPUS


class Cluster(Limits):
    """The configuration of one cluster. Its paths are paths on the cluster."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=NAME_PATTERN)
    scheduler: Literal["local", "slurm", "pbs"]
    commands: Literal["here", "ssh"] = Field(
        "here", description="Where the scheduler's commands run: on the worker's machine, or over SSH."
    )
    files: Literal["shared", "sftp"] = Field(
        "shared",
        description="How the worker reaches the cluster's files: a filesystem that is mounted, or SFTP.",
    )
    revision: int = Field(0, description="Number of a definition over REST; 0 for one of the file.")
    ssh: SshAccess | None = Field(None, description="How the cluster is reached over SSH.")
    home: AccountFolder = Field(description="Home of the account that runs the jobs: `${HOME}`.")
    control: AccountFolder = Field(
        default_factory=_default_control,
        description="Folder of the files that the gateway executes or trusts: batch scripts, their ends and"
        " logs. No client reaches it; worker and nodes share it. By default `.hpc-gateway` in the home.",
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
        description="Most ranks times threads of a job; with scheduler `local` also of all running jobs.",
    )
    max_transfers: PositiveInt | None = Field(
        None, description="Unfinished transfers at once, of all owners."
    )
    max_jobs: PositiveInt | None = Field(None, description="Unfinished jobs at once, of all owners.")
    slurm: Literal["pyslurm", "commands"] = Field(
        default_factory=_default_slurm,
        description="The way to Slurm: through pyslurm, or by its commands, as always over SSH.",
    )
    slurm_conf: AbsolutePath = PurePosixPath("/etc/slurm/slurm.conf")
    path: str = Field(
        "/usr/local/bin:/usr/bin:/bin", description="PATH under which the nodes find the launcher `srun`."
    )
    mpi: str = Field(
        "",
        pattern=r"^[A-Za-z0-9_]*$",
        description="The kind of MPI for `srun --mpi`, of `srun --mpi=list`; empty leaves it to Slurm.",
    )

    @model_validator(mode="after")
    def _check_ways(self) -> Self:
        if self.is_remote and self.ssh is None:
            raise ValueError(f"`commands` or `files` need SSH: add the table [{self.name}.ssh]")
        if self.commands == "ssh" and self.slurm == "pyslurm":
            raise ValueError("pyslurm works on the worker's machine: over SSH leave out `slurm`")
        if self.scheduler == "local" and self.is_remote:
            raise ValueError("the scheduler 'local' runs jobs on the worker's machine: set `scheduler`")
        if self.scheduler == "pbs" and not is_one_queue(self.defaults.partition):
            raise ValueError("defaults.partition: PBS takes one queue of its own: name one")
        return self

    @property
    def is_remote(self) -> bool:
        """Whether the worker reaches the cluster, or a part of it, over SSH."""
        return self.commands == "ssh" or self.files == "sftp"

    @property
    def fingerprint(self) -> str:
        """A short digest of all that the definition sets, by which API and worker compare theirs."""
        text = self.model_dump_json(exclude_unset=True, exclude={"ssh": {"sealed_passphrase"}})
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @model_validator(mode="after")
    def _check_folders(self) -> Self:
        self.check_apart(self)
        return self

    def check_apart(self, other: "Cluster") -> None:
        """Raise ValueError where folders of this cluster and of the other one may not lie as they do."""
        self._check_control(other)
        self._check_roots(other)

    def _check_roots(self, other: "Cluster") -> None:
        """Raise ValueError for a root that all owners share and that holds the folder of each of them."""
        found = next((root for root in self.roots if root in other.owner_folders), None)
        if found is not None:
            raise ValueError(
                f"roots: all owners share {str(found)!r}, which holds the folders of the single owners:"
                " choose another folder for the shared files, or leave out one of the two"
            )

    def _check_control(self, other: "Cluster") -> None:
        """Raise ValueError where clients of the other cluster may write at or above the control folder."""
        owned = (other.home, *(other.roots or (other.home / OWNERS / OWNER,)))
        found = next((folder for folder in owned if _may_hold(self.control, folder)), None)
        if found is not None:
            raise ValueError(
                f"control {str(self.control)!r} is or holds {str(found)!r}, where clients write: choose a"
                " folder that holds neither the home nor a root of any cluster"
            )

    @property
    def owner_folders(self) -> tuple[PurePosixPath, ...]:
        """The folders that hold a folder for each owner."""
        if not self.roots:
            return (self.home / OWNERS,)
        return tuple(_base_folder(root) for root in self.roots if OWNER in root.parts)

    @property
    def base_folders(self) -> tuple[PurePosixPath, ...]:
        """The folders that the operator creates: each root up to `{owner}`, or the home."""
        return tuple(_base_folder(root) for root in self.roots) or (self.home,)


def _base_folder(root: PurePosixPath) -> PurePosixPath:
    parts = root.parts
    return PurePosixPath(*parts[: parts.index(OWNER)]) if OWNER in parts else root


def _may_hold(folder: PurePosixPath, root: PurePosixPath) -> bool:
    """Tell whether `folder` is at or above the root of some owner, whose folder never begins with a dot."""
    pairs = zip(folder.parts, root.parts, strict=False)
    return len(folder.parts) <= len(root.parts) and all(
        part == expected or (expected == OWNER and not part.startswith(".")) for part, expected in pairs
    )


def check_name(name: str) -> str:
    """Return the name of a cluster, or raise Invalid, because queues and leases are named after it."""
    if not re.fullmatch(NAME_PATTERN, name) or name in RESERVED_NAMES or name.endswith(RESERVED_SUFFIXES):
        raise Invalid(
            f"{name!r} is no name of a cluster: letters, digits, '_', '.' and '-', at most 63,"
            f" not 'housekeeping' and not ending in {' or '.join(map(repr, RESERVED_SUFFIXES))},"
            " because queues have these names: choose another",
            field="name",
        )
    return name


def load_clusters(path: Path) -> dict[str, Cluster]:
    """Read the file; an absent file defines no cluster. Raise Invalid naming file and key."""
    if not path.exists():
        return {}
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        return _apart(
            TypeAdapter(dict[str, Cluster]).validate_python(
                {check_name(name): {"name": name, **_of_file(name, table)} for name, table in tables.items()}
            ),
            path,
        )
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"{path}: not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise Invalid(f"{path}: {key}: {first['msg']}") from error


def _of_file(name: str, table: dict[str, Any]) -> dict[str, Any]:
    """Return the table, or raise Invalid for a key that entries over REST alone have."""
    access = table.get("ssh", {})
    found = [key for key in ("revision",) if key in table]
    found += [f"ssh.{key}" for key in ("judged", "bound_to", "sealed_passphrase") if key in access]
    if found:
        raise Invalid(f"{name}: {found[0]} is no key of infrastructures.toml: leave it out")
    return table


def _apart(found: dict[str, Cluster], path: Path) -> dict[str, Cluster]:
    """Return the clusters, or raise Invalid where the control folder of one holds folders of another."""
    for cluster, other in permutations(found.values(), 2):
        try:
            cluster.check_apart(other)
        except ValueError as error:
            raise Invalid(f"{path}: {cluster.name} and {other.name}: {error}") from error
    return found


@lru_cache
def clusters(path: Path) -> dict[str, Cluster]:
    """Return the clusters of the file, which each process reads once."""
    return load_clusters(path)


def configured_clusters() -> dict[str, Cluster]:
    """Return the clusters of the operator's file."""
    return clusters(get_settings().infrastructures)


def worker_command(name: str) -> str:
    """Return the command that serves the cluster: by its name, or all that were added over REST."""
    return f"`hpc-gateway worker {name if name in configured_clusters() else '--remote'}`"
