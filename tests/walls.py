"""A cluster with all that is executed or trusted inside its home, for the tests of the wall around it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import UUID

from gateway.clusters.configuration import configured_clusters
from gateway.clusters.owner_roots import owner_roots
from gateway.encryption import new_key
from tests.bodies import DATA, JOB, RESULT
from tests.rows import job, new_job

CONFIGURATION = """
[hpc]
scheduler = "local"
home = "{home}"
control = "{home}/control"
python = "{home}/kernels/bin/python"
path = "{home}/opt/bin:/usr/bin"
slurm_conf = "{home}/etc/slurm.conf"
max_cpus = 4
roots = {roots}

[next]
scheduler = "local"
home = "{home}/next"
control = "{home}/next/control"
python = "{home}/next/kernels/bin/python"
"""
# The configuration names these, so that the API refuses them by their text.
NAMED = (
    "control/jobs/1/job.sh",
    "control/new/x",
    "kernels/bin/python",
    "kernels/lib/python3.12/site-packages/hpc_kernels/__main__.py",
    "opt/bin/srun",
    "opt/lib/slurm/auth.so",
    "ucx.conf",
    "etc/slurm.conf",
    ".ssh/authorized_keys",
    ".bashrc",
    ".hpc-gateway/spool/x",
    ".cache/hpc_kernels/x.o",
    "next/control/spool/jobs/000000001.x.json",
    "next/control/new/x",
    "next/kernels/bin/python",
    "next/.ssh/authorized_keys",
)
# The worker alone knows these.
INSTALLED = (
    *("gateway.db", "gateway.db-journal", "infrastructures.toml", "keys/key", "settings.env"),
    *("ssh_keys/keys.toml", "judge/lib/python3.12/site-packages/hpc_kernels/__main__.py"),
)
SETTINGS = {
    "GATEWAY_CREDENTIALS_KEY_FILE": "keys/key",
    "GATEWAY_ENV_FILE": "settings.env",
    "GATEWAY_SSH_KEYS": "ssh_keys",
    "GATEWAY_JUDGE_PYTHON": "judge/bin/python",
}
TARGETS = ("control", "kernels", ".ssh", "next", "gateway.db-journal", "keys", "ssh_keys", "judge")
RESULT_FILE = "CSVFormate/FFT_Filter_output.csv"
SECRET = b"#!/bin/false a secret of the gateway or of another owner\n"


@dataclass(frozen=True)
class Layout:
    """The owner of the requests, and the roots of the cluster below the folder `{home}`."""

    owner: str
    roots: tuple[str, ...] = ()


LAYOUTS = {
    "the home as root, without accounts": Layout("local"),
    "a folder of each owner": Layout("eve"),
    "roots of each owner": Layout("eve", ("{home}/scratch/{{owner}}/gw",)),
    "a shared root": Layout("eve", ("{home}",)),
    "roots of both kinds": Layout("eve", ("{home}/scratch/{{owner}}/gw", "{home}")),
}


@dataclass(frozen=True)
class Place:
    """The laid out cluster, seen by the owner of the requests."""

    home: Path
    owner: str
    foreign: UUID
    own: UUID
    secrets: tuple[Path, ...]
    before: dict[Path, bytes | None] = field(default_factory=dict)

    @property
    def targets(self) -> tuple[Path, ...]:
        """One protected file of each kind, some of them missing."""
        first = {path.relative_to(self.home).parts[0]: path for path in reversed(self.secrets[:-4])}
        return (*(first[name] for name in TARGETS), *self.secrets[-4:])

    @property
    def foreign_targets(self) -> tuple[Path, ...]:
        """The targets without the owner's own attempts."""
        return tuple(path for path in self.targets if str(self.own) not in str(path))

    @property
    def root(self) -> Path:
        """The folder in which the paths of the owner begin."""
        return Path(owner_roots(configured_clusters()["hpc"], self.owner).home)

    def unchanged(self) -> bool:
        """Tell whether all protected files are as they were, and the missing ones still missing."""
        return {path: _content(path) for path in self.before} == self.before


def configuration(home: Path, layout: Layout) -> str:
    """Return the configuration file of the cluster."""
    return CONFIGURATION.format(home=home, roots=[root.format(home=home) for root in layout.roots])


def lay_out(home: Path, layout: Layout) -> Place:
    """Make the protected files, a job of another owner, and a job of the owner with a result each."""
    secrets = [home / name for name in (*NAMED, *INSTALLED)]
    foreign, own = new_job(owner="ada"), new_job(owner=layout.owner)
    for row_id in (foreign, own):
        folder = attempts(row_id)
        secrets += [folder / f"{row_id}.1" / RESULT_FILE, folder / f"{row_id}.2/hpc_kernels/__main__.py"]
    missing = {"gateway.db-journal", "x", "x.o", "__main__.py"}
    for path in secrets:
        if path.name not in missing or "site-packages" in path.parts:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                path.write_bytes(new_key().encode() if path.name == "key" else SECRET)
    place = Place(home, layout.owner, foreign, own, tuple(secrets))
    place.before.update({path: _content(path) for path in secrets if path.name != "gateway.db"})
    place.root.mkdir(parents=True, exist_ok=True)
    return place


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def attempts(row_id: UUID) -> Path:
    """Return the folder that holds the attempt folders of a job."""
    return Path(job(row_id).data_folder, "Output_Data/jobs")


def write_doors(place: Place, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the requests that would write to a path, each with its URL."""
    web = {"src": "https://example.org/x", "dst": path, "infrastructure": "hpc"}
    yield "/data", web
    yield "/s3_data", {**DATA, "dst": path}
    yield "/s3_data", {**DATA, "dst": path, "object": "a/prefix/"}
    for key in ("workspace", "profiling_workspace"):
        yield "/job", _job(place, place.root, **{key: path})


def read_doors(place: Place, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the requests that would read a path, each with its URL."""
    yield "/s3_result", {**RESULT, "src": path}
    yield "/s3_result", {**RESULT, "src": path, "object": "a/prefix/"}
    for key in ("read_input_data", "inference_knn_path", "clustering_label_path"):
        yield "/job", _job(place, place.root / "serrano/data", **{key: path})


def _job(place: Place, base: Path, **params: str) -> dict[str, Any]:
    """Return the body of a job whose parameters lead from the base to these paths."""
    led = {key: os.path.relpath(place.root / path, base) for key, path in params.items()}
    root = {"root_dir": str(base)} if base == place.root else {}
    return {**JOB, "services": ["knn"], "params": {"read_input_data": "/x.csv", **root, **led}}


def spellings(place: Place, path: Path) -> list[str]:
    """Return texts that all mean the path."""
    text = str(path)
    relative = os.path.relpath(path, place.root)
    return [
        text,
        f"{text}/",
        relative,
        f"${{HOME}}/{relative}",
        f"./x/..//{relative}",
        text.replace("/", "//").removeprefix("/"),
        f"{path.parent}/./{path.name}",
        f"{place.root}/a/b/../../{relative}",
        str(PurePosixPath(path.parent / "nothing" / ".." / path.name)),
    ]
