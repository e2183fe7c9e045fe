"""A try of a Slurm configuration in a child process: libslurm ends the process if it rejects it."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from gateway.errors import SchedulerUnavailable
from gateway.processes import plain_environment

_PROBE_TIMEOUT_S = 60
_PROBE = "import sys, pyslurm; pyslurm.slurm_init(sys.argv[1])"


def check_conf(conf: Path) -> None:
    """Raise SchedulerUnavailable unless libslurm accepts this configuration in a child process.

    The error is transient, because a worker's machine that is not set up is no fault of a job.
    """
    if find_spec("pyslurm") is None:
        raise SchedulerUnavailable(
            "pyslurm is not installed here: install hpc-gateway[slurm] (docs/admins.md)"
        )
    if not os.access(conf, os.R_OK):
        raise SchedulerUnavailable(
            f"Slurm's configuration {conf} does not exist or cannot be read by this account"
        )
    probe = subprocess.run(
        [sys.executable, "-P", "-c", _PROBE, str(conf)],
        env={**plain_environment(), "PYSLURM_DISABLE_AUTO_INIT": "1"},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=_PROBE_TIMEOUT_S,
        check=False,
    )
    if probe.returncode != 0:
        message = (probe.stderr.strip().splitlines() or ["it printed no message"])[-1]
        raise SchedulerUnavailable(f"libslurm cannot use {conf}: {message}")
