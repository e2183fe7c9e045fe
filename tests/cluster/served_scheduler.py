"""The child of scheduler_process.py: a SlurmScheduler that answers calls from standard input."""

import pickle
import sys
from pathlib import Path
from typing import Any

from gateway.command_runners.here import HereRunner
from gateway.schedulers.slurm.client import PyslurmClient, SlurmInstallation
from gateway.schedulers.slurm.commands.calls import SlurmCommands
from gateway.schedulers.slurm.commands.client import CommandClient
from gateway.schedulers.slurm.commands.scheduler import CommandScheduler
from gateway.schedulers.slurm.scheduler import SlurmScheduler


def open_way(way: str, conf: str, path: str) -> SlurmScheduler:
    """Return the scheduler by pyslurm or by commands."""
    if way == "commands":
        return CommandScheduler(CommandClient(SlurmCommands(HereRunner({"PATH": path}), path, conf)))
    return SlurmScheduler(PyslurmClient(SlurmInstallation(Path(conf), path)))


def serve(*arguments: str) -> None:
    """Answer calls until standard input ends; an error of the client's start answers the first ones."""
    scheduler: SlurmScheduler | None = None
    while True:
        try:
            name, args, kwargs = pickle.load(sys.stdin.buffer)  # noqa: S301  the tests' own process
        except EOFError:
            return
        answer: tuple[Exception | None, Any]
        try:
            scheduler = scheduler or open_way(*arguments)
            answer = (None, getattr(scheduler, name)(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  the caller raises it
            answer = (error, None)
        pickle.dump(answer, sys.stdout.buffer)
        sys.stdout.flush()


if __name__ == "__main__":
    serve(*sys.argv[1:])
