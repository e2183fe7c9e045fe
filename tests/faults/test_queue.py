"""The queue loses everything, or says everything twice; the API dies between commit and send."""

import shutil
import signal
import threading
from contextlib import suppress
from typing import Any

import httpx
import psutil
import redis

from gateway.clusters.queue_names import old_queue, queues_of, work_queue
from gateway.models import Transfer
from gateway.queue.celery_app import make_app
from gateway.settings import Settings
from hpc_gateway_commands.demo.stack import INFRASTRUCTURE, Stack
from tests.client import DATA, Client
from tests.faults.history import History
from tests.faults.killing import kill_part
from tests.faults.test_worker import WITHIN_S, assert_run_once
from tests.gate import Gate
from tests.jobs import frozen
from tests.polling import until

MIB = 1 << 20
COPIES = 20
ONCE = ["accepted", "transferring", "completed"]


def lose_everything(stack: Stack) -> None:
    """Kill Valkey, delete its data, and start it empty."""
    kill_part(stack, "valkey")
    shutil.rmtree(stack.queue.folder)
    stack.start_queue()


def test_a_queue_that_lost_its_data_between_post_and_pick_up_loses_no_row(
    client: Client, history: History
) -> None:
    client.put("forgotten.csv", b"x\n1\n2\n")
    kill_part(client.stack, "worker")  # one that is only stopped may hold SQLite's lock, and the API waits
    transfer = client.stage_in("forgotten.csv", f"{DATA}/faults/forgotten.csv")
    job = client.compute(["fft"], client.place("forgotten.csv", b"x\n1\n2\n"), num_mpi_procs=1)
    lose_everything(client.stack)
    client.stack.start_worker()
    assert client.moved("/s3_data", transfer, WITHIN_S)["status"] == "completed"
    assert client.finished(job, WITHIN_S)["success"]
    assert history.of(transfer) == ONCE
    assert history.of(job)[:2] == ["accepted", "submitting"]
    assert history.of(job)[-1] == "succeeded"
    assert history.of(job).count("submitting") == 1
    assert_run_once(client, job)


def test_a_worker_that_runs_on_finds_the_new_queue(client: Client, history: History) -> None:
    client.put("after.csv", b"x\n1\n")
    lose_everything(client.stack)
    transfer = client.stage_in("after.csv", f"{DATA}/faults/after.csv")
    assert client.moved("/s3_data", transfer, WITHIN_S)["status"] == "completed"
    assert history.of(transfer) == ONCE


def test_an_api_killed_between_commit_and_send_loses_no_row(client: Client, history: History) -> None:
    stack = client.stack
    client.put("unsent.csv", b"x\n1\n")
    before = history.count(Transfer)
    queue = psutil.Process(stack.parts.pid("valkey"))
    queue.send_signal(signal.SIGSTOP)  # the row is committed, the message gets no answer
    request = threading.Thread(target=_post_without_an_answer, args=(client,))
    request.start()
    until("the row is committed", lambda: history.count(Transfer) > before)
    kill_part(stack, "api")
    request.join()
    lose_everything(stack)
    stack.start_api()
    transfer = {"id": history.newest_transfer()}
    assert client.moved("/s3_data", transfer, WITHIN_S)["status"] == "completed"
    assert history.of(transfer) == ONCE


def _post_without_an_answer(client: Client) -> None:
    with suppress(httpx.TransportError):
        client.stage_in("unsent.csv", f"{DATA}/faults/unsent.csv")


def test_a_message_said_many_times_has_one_effect(client: Client, history: History) -> None:
    with Gate(client.stack.store.port, 4 * MIB) as gate:
        client.put("often.bin", bytes(8 * MIB))
        transfer = client.stage_in("often.bin", f"{DATA}/faults/often.bin", endpoint=gate.url)
        say(client.stack, "transfers.run", transfer)
        job = client.compute(["fft"], client.place("often.csv", b"x\n1\n2\n"), num_mpi_procs=1)
        with frozen(client, job):
            say(client.stack, "jobs.submit", job)
            say(client.stack, "jobs.finish", job)
        gate.open()
        assert client.moved("/s3_data", transfer, WITHIN_S)["status"] == "completed"
    say(client.stack, "transfers.run", transfer)
    assert client.finished(job, WITHIN_S)["success"]
    say(client.stack, "jobs.submit", job)
    say(client.stack, "jobs.finish", job)
    until("all copies are taken", lambda: sum(depths(client.stack).values()) == 0)
    probe = client.stage_in("often.bin", f"{DATA}/faults/probe.bin")  # behind all copies that were taken
    assert client.moved("/s3_data", probe, WITHIN_S)["status"] == "completed"
    assert history.of(transfer) == ONCE
    assert history.of(job) == ["accepted", "submitting", "pending", "running", "succeeded"]
    assert_run_once(client, job)


def say(stack: Stack, task: str, row: dict[str, Any]) -> None:
    """Send a row's message again and again, as this version does and as the one before did."""
    queues = old_queue(INFRASTRUCTURE), work_queue(INFRASTRUCTURE, moves_bytes=task.startswith("transfers"))
    app = make_app(Settings(redis_url=stack.queue.url))
    with app.connection_for_write() as connection:
        for number in range(COPIES):
            app.send_task(task, args=[row["id"]], queue=queues[number % 2], connection=connection)
    app.close()


def depths(stack: Stack) -> dict[str, int]:
    """Return the messages that wait in each queue of the cluster."""
    with redis.Redis.from_url(stack.queue.url) as queue:
        return {name: int(queue.llen(name)) for name in queues_of(INFRASTRUCTURE)}


def test_the_queue_of_the_version_before_is_drained(client: Client, history: History) -> None:
    client.put("drained.csv", b"x\n1\n2\n")
    kill_part(client.stack, "worker")
    transfer = client.stage_in("drained.csv", f"{DATA}/faults/drained.csv")
    job = client.compute(["fft"], client.place("drained.csv", b"x\n1\n2\n"), num_mpi_procs=1)
    lose_everything(client.stack)
    for task, row in (("transfers.run", transfer), ("jobs.submit", job)):
        say(client.stack, task, row)
    assert depths(client.stack)[old_queue(INFRASTRUCTURE)] == COPIES
    client.stack.start_worker()
    until("all queues are empty", lambda: sum(depths(client.stack).values()) == 0)
    assert client.moved("/s3_data", transfer, WITHIN_S)["status"] == "completed"
    assert client.finished(job, WITHIN_S)["success"]
    assert history.of(transfer) == ONCE
    assert_run_once(client, job)
