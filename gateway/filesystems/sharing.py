"""Sharing: whether the compute nodes can share the control folder, by the types of the mounted filesystems.

A folder is refused where it is certain that they cannot. Types that are not listed may be shared.
"""

import os
import re
import socket
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from gateway.clusters.configuration import Cluster
from gateway.errors import Invalid

MOUNTS = Path("/proc/self/mountinfo")
_MEMORY = frozenset({"tmpfs", "ramfs", "devtmpfs", "overlay", "rootfs"})  # of a machine or of a container
_DISKS = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "reiserfs", "vfat"})
_NETWORK = frozenset(
    {"nfs", "nfs4", "lustre", "gpfs", "beegfs", "ceph", "cifs", "smb3", "afs", "panfs", "pvfs2", "wekafs"}
)
_NODE = re.compile(r"^\s*NodeName\s*=\s*(\S+)([^\n#]*)", re.MULTILINE | re.IGNORECASE)
_ADDRESS = re.compile(r"\bNode(?:Addr|Hostname)\s*=\s*(\S+)", re.IGNORECASE)


def check_control(cluster: Cluster) -> str:
    """Return on which filesystem the control folder lies; raise Invalid when nodes cannot share it."""
    mounts = _mounts()
    kind = _kind(cluster.control, mounts)
    homes = {folder: _kind(folder, mounts) for folder in (cluster.home, *cluster.base_folders)}
    shared = next((folder for folder, other in homes.items() if other in _NETWORK), None)
    if kind in _MEMORY | _DISKS and shared is not None:
        raise _refusal(cluster, kind, f"{shared} on {homes[shared]!r}: choose a folder there")
    if kind in _MEMORY and _names_other_machines(cluster):
        raise _refusal(
            cluster, kind, f"{cluster.slurm_conf} names other machines: choose a folder they share"
        )
    how = "which nodes share" if kind in _NETWORK else "and is assumed to be shared by worker and nodes"
    return f"{cluster.name}: control {cluster.control} lies on {kind or 'an unknown filesystem'!r}, {how}"


def _refusal(cluster: Cluster, kind: str, reason: str) -> Invalid:
    found = f"control {str(cluster.control)!r} of cluster {cluster.name!r} lies on {kind!r} of this machine"
    return Invalid(f"{found}, where no compute node sees it, while {reason}")


def _mounts() -> list[tuple[str, str]]:
    """Return mount points and types of the filesystems of this process; a later one hides an earlier one."""
    try:
        lines = os.fsdecode(MOUNTS.read_bytes()).splitlines()
    except OSError:
        return []
    parts = (line.partition(" - ") for line in lines)
    return [(_unescape(place.split(" ")[4]), found.split(" ")[0]) for place, _, found in parts]


def _unescape(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def _kind(folder: PurePosixPath, mounts: Sequence[tuple[str, str]]) -> str:
    """Return the type of the filesystem that holds the folder, or will hold it; empty when it is unknown."""
    real = PurePosixPath(os.path.realpath(folder))
    above = [(point, kind) for point, kind in mounts if real.is_relative_to(point)]
    return max(reversed(above), key=lambda each: len(each[0]), default=("", ""))[1]


def _names_other_machines(cluster: Cluster) -> bool:
    """Tell whether the configuration of Slurm, where it can be read here, names a node elsewhere."""
    try:
        text = Path(cluster.slurm_conf).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    here = {"localhost", "127.0.0.1", "::1", *_names_of_this_machine()}
    nodes = [
        (name, _ADDRESS.findall(rest)) for name, rest in _NODE.findall(text) if name.lower() != "default"
    ]
    return any(here.isdisjoint(addresses or [name]) for name, addresses in nodes)


def _names_of_this_machine() -> set[str]:
    name = socket.gethostname()
    return {name, name.partition(".")[0]}
