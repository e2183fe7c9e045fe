"""Broken messages against a started worker: each costs itself, and the worker goes on with the next one."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psutil
import pytest
from redis import Redis
from sqlalchemy import Engine

from gateway import processes
from gateway.clusters.queue_names import control_queue
from gateway.db import session_scope
from gateway.jobs.logs import LogRange, request_log
from gateway.models import Job
from tests.broken_messages import BROKEN, FOREIGN, RAW
from tests.polling import until
from tests.rows import new_job
from workers.launch import celery_argv

QUEUE = control_queue("hpc")


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "worker.log"


@pytest.fixture
def worker(database: Engine, broker: str, output: Path) -> Iterator[psutil.Process]:
    with output.open("wb") as log, processes.sealed() as descriptor:
        started = subprocess.Popen(
            processes.command(descriptor, *celery_argv(QUEUE, [QUEUE], 1)),
            stdout=log,
            stderr=log,
            env=processes.plain_environment(),
            pass_fds=(descriptor,),
            start_new_session=True,
        )
    try:
        until("the worker is ready", lambda: b"ready" in output.read_bytes(), 60)
        yield psutil.Process(started.pid)
    finally:
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()


def _answers(job_id: UUID) -> bool:
    """Ask the worker for a log, which it answers after all messages before."""
    with session_scope(read_only=True) as session:
        job = session.get_one(Job, job_id)
    return request_log(job, LogRange("stdout", 0, None), job.owner).text == ""


def test_each_costs_itself(worker: psutil.Process, broker: str, output: Path) -> None:
    job_id = new_job("fft")
    assert _answers(job_id)
    pool = {child.pid for child in worker.children(recursive=True)}
    messages = [*RAW.values(), *(json.dumps(each).encode() for each in (*BROKEN.values(), *FOREIGN.values()))]
    with Redis.from_url(broker) as redis:
        for message in messages:
            redis.lpush(QUEUE, message)
        redis.lpush(QUEUE, b"x" * (16 << 20))
        assert _answers(job_id)
        until("nothing waits to be acknowledged", lambda: not redis.hlen("unacked"), 20)
        assert redis.llen(QUEUE) == 0
    assert worker.is_running()
    assert {child.pid for child in worker.children(recursive=True)} == pool
    lines = [json.loads(line) for line in output.read_text().splitlines() if line.startswith("{")]
    dropped = [line for line in lines if "dropped" in line["message"]]
    assert len(dropped) >= len(BROKEN)
    assert all(len(line["message"]) <= 10_000 for line in lines)


def test_many_in_a_row_end_no_worker(worker: psutil.Process, broker: str) -> None:
    with Redis.from_url(broker) as redis:
        for _ in range(200):
            redis.lpush(QUEUE, *RAW.values())
    assert _answers(new_job("fft"))
    assert worker.is_running()


def test_a_broken_broadcast_ends_no_worker(worker: psutil.Process, broker: str) -> None:
    with Redis.from_url(broker) as redis:
        for message in (*RAW.values(), *(json.dumps(each).encode() for each in BROKEN.values())):
            redis.publish("/0.celery.pidbox", message)
    assert _answers(new_job("fft"))
    assert worker.is_running()
