"""The child of scheduler_process.py: a SlurmScheduler that answers calls from standard input."""

import pickle
import sys
from pathlib import Path
from typing import Any

from gateway.schedulers.slurm.client import PyslurmClient, SlurmInstallation
from gateway.schedulers.slurm.scheduler import SlurmScheduler


def serve(installation: SlurmInstallation) -> None:
    """Answer calls until standard input ends; an error of the client's start answers the first ones."""
    scheduler: SlurmScheduler | None = None
    while True:
        try:
            name, args, kwargs = pickle.load(sys.stdin.buffer)  # noqa: S301  the tests' own process
        except EOFError:
            return
        answer: tuple[Exception | None, Any]
        try:
            scheduler = scheduler or SlurmScheduler(PyslurmClient(installation))
            answer = (None, getattr(scheduler, name)(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  the caller raises it
            answer = (error, None)
        pickle.dump(answer, sys.stdout.buffer)
        sys.stdout.flush()


if __name__ == "__main__":
    serve(SlurmInstallation(Path(sys.argv[1]), sys.argv[2]))
