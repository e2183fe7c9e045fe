"""The jobs of one account: from a call of their own where the extension is built, else from the queue."""

import importlib
import logging
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

_log = logging.getLogger(__name__)
EXTENSION = "hpc_gateway_slurm"  # the distribution hpc-gateway-slurm, in slurm/
NOT_BUILT = "hpc-gateway-slurm is not installed, so that each look loads the jobs of all accounts"


def load_own_jobs(slurm: Any, user_id: int) -> list[Any]:
    """Return pyslurm's records of the account's jobs; `slurm` is the initialised pyslurm."""
    load = find_extension()
    if load is not None:
        return load(user_id)
    return [job for job in slurm.Jobs.load().values() if job.user_id == user_id]


def is_built() -> bool:
    """Tell whether the extension is installed."""
    return find_spec(EXTENSION) is not None


@lru_cache(maxsize=1)
def find_extension() -> Callable[[int], list[Any]] | None:
    """Return the call of the extension, or None where it is not installed or not built for this pyslurm.

    It needs a process in which pyslurm is initialised.
    """
    if not is_built():
        return None
    try:
        load: Callable[[int], list[Any]] = importlib.import_module(EXTENSION).load_jobs_of
    except (ImportError, ValueError) as error:  # Cython's own check of pyslurm's types raises ValueError
        _log.warning("hpc-gateway-slurm cannot be used: %s", error)
        return None
    return load
