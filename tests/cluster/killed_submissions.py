"""Submissions by workers that are killed before they record them, then by others.

`python -m tests.cluster.killed_submissions INFRASTRUCTURE COUNT` prints the recorded ids by the jobs' names.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from gateway.clusters.configuration import configured_clusters
from gateway.db import get_engine
from gateway.schedulers.base import JobSpec, Scheduler
from gateway.schedulers.opening import open_scheduler
from gateway.settings import get_settings
from gateway.states import JobState
from gateway.work import outbox
from migrations import upgrade
from tests.rows import job, new_job
from workers.tasks.jobs import submit as task


def submit(row_id: UUID) -> None:
    task.apply(args=[str(row_id)], throw=True)


def submit_and_die(row_id: UUID) -> int:
    """Run the task in a child that is killed as soon as the scheduler has the job; return its wait status."""
    child = os.fork()
    if child == 0:
        kind: Any = type(open_scheduler(configured_clusters()[job(row_id).infrastructure]))
        real = kind.submit_many

        def deadly(self: Scheduler, specs: Sequence[JobSpec]) -> None:
            real(self, specs)
            os.kill(os.getpid(), signal.SIGKILL)

        kind.submit_many = deadly
        try:
            submit(row_id)
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1]


def main(infrastructure: str, count: int) -> dict[str, str]:
    """Submit so many jobs twice, and return their ids by name."""
    outbox.publisher = lambda _messages: None
    upgrade(get_engine())
    open_scheduler(configured_clusters()[infrastructure])  # once for all children
    rows = [new_job("fft", infrastructure=infrastructure, num_mpi_procs=1) for _ in range(count)]
    for row_id in rows:
        assert os.WIFSIGNALED(submit_and_die(row_id))
        assert job(row_id).state is JobState.SUBMITTING
    time.sleep(get_settings().lease_s + 0.1)
    for row_id in rows:
        submit(row_id)
        assert job(row_id).state is JobState.PENDING
    return {job(row_id).name: job(row_id).scheduler_id or "" for row_id in rows}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]))))  # noqa: T201
