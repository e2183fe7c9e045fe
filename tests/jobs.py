"""A job in the middle of its work, for as long as a test wants."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from gateway.batch import read_start
from tests.client import DATA, Client, Status
from tests.polling import until


def attempts(client: Client, job: Status) -> list[Path]:
    """Return the attempt folders of the job."""
    return sorted(client.file(f"{DATA}/Output_Data/jobs").glob(f"{job['id']}.*"))


@contextmanager
def frozen(client: Client, job: Status) -> Iterator[psutil.Process]:
    """Stop the job's ranks in mid-work until the block ends; gives the process of its script."""
    client.reaches("/job", job, {"running"})
    (folder,) = attempts(client, job)
    start = read_start(folder)
    assert start is not None
    script = psutil.Process(start.pid)
    ranks = until(
        "the job has ranks", lambda: [rank for rank in script.children() if "python" in rank.name()]
    )
    for rank in ranks:
        rank.send_signal(signal.SIGSTOP)
    try:
        yield script
    finally:
        for rank in ranks:
            with suppress(psutil.NoSuchProcess):
                rank.send_signal(signal.SIGCONT)
