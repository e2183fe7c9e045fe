"""A job in the middle of its work, for as long as a test wants."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from gateway.schedulers.attempt_record import read_start
from tests.client import Client, Status
from tests.polling import until


def attempts(client: Client, job: Status) -> list[Path]:
    """Return the control folders of the job's runs."""
    return sorted((client.stack.home / ".hpc-gateway/jobs").glob(f"{job['id']}.*"))


@contextmanager
def frozen(client: Client, job: Status) -> Iterator[psutil.Process]:
    """Stop the job's ranks in mid-work until the block ends; gives the process of its script.

    To be called as soon as the job is accepted: a small one is over in a fifth of a second.
    """
    script, ranks = until("the job has ranks", lambda: _stopped(client, job), period_s=0.005)
    try:
        client.reaches("/job", job, {"running"})
        yield script
    finally:
        for rank in ranks:
            with suppress(psutil.NoSuchProcess):
                rank.send_signal(signal.SIGCONT)


def _stopped(client: Client, job: Status) -> tuple[psutil.Process, list[psutil.Process]] | None:
    """Stop the ranks if the job has begun; return its script and them."""
    for folder in attempts(client, job):
        with suppress(psutil.NoSuchProcess):  # over already: what waits says so
            if start := read_start(folder):
                script = psutil.Process(start.pid)
                ranks = [rank for rank in script.children() if "python" in rank.name()]
                for rank in ranks:
                    rank.send_signal(signal.SIGSTOP)
                return (script, ranks) if ranks else None
    return None
