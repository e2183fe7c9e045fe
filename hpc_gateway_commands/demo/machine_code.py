"""The kernels' own cache of machine code for the jobs of a demo: an account compiles once."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

from gateway.clusters.configuration import CONTROL
from gateway.jobs.spec import CACHE

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def share_machine_code(home: Path) -> None:
    """Link the kernels' cache into the control folder, unless another account can write there.

    Jobs execute its files. Two demos may fill it at once.
    """
    folder = _kernels_cache()
    if folder is None or not folder.is_dir() or not _is_private(folder):
        return
    control = home / CONTROL
    control.mkdir(mode=0o700, exist_ok=True)
    (control / CACHE).symlink_to(folder)


def _kernels_cache() -> Path | None:
    """Return the folder that the kernels use for this account; None where they do not run."""
    argv = [sys.executable, "-P", "-m", "hpc_kernels", "info"]
    told = subprocess.run(argv, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    return None if told.returncode else Path(json.loads(told.stdout)["cache"])


def _is_private(folder: Path) -> bool:
    """Return whether this account and root alone can put a file there, or another folder in its place."""
    found = [each.lstat() for each in (folder, *folder.resolve().parents)]
    accounts = {0, os.geteuid()}
    return all(each.st_uid in accounts and stat.S_ISDIR(each.st_mode) for each in found) and not (
        found[0].st_mode & _OTHERS_WRITE
        or any(each.st_mode & _OTHERS_WRITE and not each.st_mode & stat.S_ISVTX for each in found[1:])
    )
