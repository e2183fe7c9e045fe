"""The end of a row to its webhook, and status requests beside a thousand streams.

Run it as `python -m tests.benchmarks.events`. SQLite, one API process and one of webhooks, on this machine.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from gateway.db import get_engine, session_scope
from gateway.encryption import new_key
from gateway.jobs import lifecycle as jobs
from gateway.models import Job
from gateway.work import outbox
from hpc_gateway_commands.demo.services import free_ports
from migrations import upgrade
from tests.polling import until
from tests.receivers import receiver
from tests.rows import new_job
from tests.webhooks import new_webhook

STREAMS, CLIENTS, REQUESTS, ENDS, EVENTS_PER_S = 1000, 8, 2000, 60, 10
COMMAND = [sys.executable, "-P", "-m", "hpc_gateway_client"]
HEAD = b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n"


def prepare(folder: Path) -> None:
    """Set this process and its children up for a database of their own."""
    clusters = folder / "infrastructures.toml"
    clusters.write_text(f'[hpc]\nscheduler = "local"\nhome = "{folder}"\n', encoding="utf-8")
    os.environ |= {
        "GATEWAY_DATABASE_URL": f"sqlite:///{folder / 'gateway.db'}",
        "GATEWAY_INFRASTRUCTURES": str(clusters),
        "GATEWAY_CREDENTIALS_KEY": new_key(),
        "GATEWAY_WEBHOOK_HOSTS": "127.0.0.1",
        "GATEWAY_STREAMS_PER_OWNER": str(STREAMS),
    }
    outbox.publisher = lambda _messages: None
    upgrade(get_engine())


@contextmanager
def part(*words: str) -> Iterator[None]:
    """Run a part of the gateway."""
    process = subprocess.Popen([*COMMAND, *words], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def percentile(seconds: list[float], percent: int) -> float:
    return statistics.quantiles(seconds, n=100)[percent - 1] * 1000


def measure_webhooks() -> None:
    """Print the time from the commit of an end until its message has come."""
    taken = list[float]()
    with receiver() as there, part("worker", "--webhooks"):
        new_webhook("job.cancelled", url=there.url)
        for _ in range(ENDS + 1):
            row_id = new_job("fft")
            with session_scope() as session:
                jobs.cancel(session, session.get_one(Job, row_id))
            ended = time.perf_counter()
            there.queue.get(timeout=60)
            taken.append(time.perf_counter() - ended)
            time.sleep(0.25)  # below the five a second of a host
    taken = taken[1:]  # the first one waits for the start of the process
    print(
        f"end to webhook, {ENDS} ends: p50 {percentile(taken, 50):.0f} ms, p99 {percentile(taken, 99):.0f} ms"
    )


async def ask(url: str, row_id: str) -> list[float]:
    """Return the times of status requests by some clients at once."""
    taken = list[float]()

    async def client() -> None:
        async with httpx.AsyncClient(base_url=url) as http:
            for _ in range(REQUESTS // CLIENTS):
                began = time.perf_counter()
                (await http.get(f"/job/{row_id}")).raise_for_status()
                taken.append(time.perf_counter() - began)
                await asyncio.sleep(0.02)

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return taken


async def read_all(reader: asyncio.StreamReader, counted: list[int]) -> None:
    while piece := await reader.read(65536):
        counted[0] += piece.count(b"\nevent: ")


async def make_events(stop: asyncio.Event) -> int:
    made = 0
    while not stop.is_set():
        await asyncio.to_thread(new_job, "fft")
        made += 1
        await asyncio.sleep(1 / EVENTS_PER_S)
    return made


async def measure_streams(url: str) -> None:
    """Print the times of status requests alone, and beside a thousand streams that bring events."""
    row_id, port, stop, counted = str(new_job("fft")), int(url.rpartition(":")[2]), asyncio.Event(), [0]
    alone = await ask(url, row_id)
    readers, writers = [], []  # a writer that is collected closes its connection
    for _ in range(STREAMS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD)
        await reader.readuntil(b":\n")
        writers.append(writer)
        readers.append(asyncio.create_task(read_all(reader, counted)))
    maker = asyncio.create_task(make_events(stop))
    beside = await ask(url, row_id)
    stop.set()
    made = await maker
    await asyncio.sleep(2)
    for name, taken in (("alone", alone), (f"beside {len(writers)} streams", beside)):
        p50, p99 = percentile(taken, 50), percentile(taken, 99)
        print(f"status, {CLIENTS} clients, {name}: p50 {p50:.1f}, p99 {p99:.1f} ms")
    print(f"{made} events made, {counted[0]} of {made * STREAMS} brought")


def main() -> None:
    """Measure both."""
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        measure_webhooks()
        [port] = free_ports(1)
        url = f"http://127.0.0.1:{port}"
        with part("serve", f"--port={port}"):
            until("the API is there", lambda: _is_there(url))
            asyncio.run(measure_streams(url))


def _is_there(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/live").is_success
    except httpx.TransportError:
        return False


if __name__ == "__main__":
    main()
