"""Lists beside a long history, and requests that wait: rates by `wrk`, memory and spread of 1,000 waiters.

Run it as `python -m tests.benchmarks.reads [ROWS] [SECONDS] [sqlite|postgresql]`. ROWS is the number of jobs
of the history, half of them of one owner. PostgreSQL waits for its disk.
"""

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import which
from statistics import median
from uuid import uuid4

import httpx
import psutil
from sqlalchemy import Connection, Engine, insert, text

from gateway.db import make_engine
from gateway.encryption import new_key
from gateway.models import Job
from gateway.models.service_bits import service_bits
from hpc_gateway_commands.demo.services import LOOPBACK, free_ports
from migrations import upgrade
from tests.faults.killing import tree
from tests.polling import until
from tests.postgres import create_database, postgres

ROUNDS = 3
WAITERS = 1000
SETTLE_S = 5.0
BATCH = 10_000
STATES = ("succeeded",) * 97 + ("failed", "timeout", "running")
TIMES = ("created_at", "queued_at", "updated_at", "submitted_at", "started_at", "ended_at")
PARAMS = {"read_input_data": "/Init_Data/x.csv", "num_mpi_procs": 4, "kalman": {"r": 10.0}, "precision": 1}
CLUSTERS = '[hpc]\nscheduler = "local"\nhome = "/nonexistent/home"\n'
LISTS = ("/job", "/job?state=failed", "/job?state=failed&state=timeout", "/job?since=2026-01-01T00:00:00Z")
_WRK = which("wrk") or "wrk"  # of the package `wrk`


def _fill(engine: Engine, rows: int) -> None:
    """Insert a history of jobs, a second apart."""
    start = datetime(2025, 1, 1, tzinfo=UTC)
    for first in range(0, rows, BATCH):
        with engine.begin() as connection:
            numbers = range(first, min(first + BATCH, rows))
            connection.execute(insert(Job), [_job(number, start) for number in numbers])
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE" if engine.dialect.name == "sqlite" else "VACUUM ANALYZE"))


def _job(number: int, start: datetime) -> dict[str, object]:
    at = start + timedelta(seconds=number)
    return {
        "id": uuid4(),
        "owner": "local" if number % 2 else "ada",
        "infrastructure": "hpc",
        "services": " fft ",
        "service_bits": service_bits(["fft"]),
        "params": PARAMS,
        "resources": {"time": "1h"},
        "usage": {"cpu_s": 1.5, "wall_s": 2.5},
        "outputs": [{"service": "fft", "path": "/serrano/x.csv", "bytes": 123, "sha256": "a" * 64}],
        "watch_period": 10.0,
        "data_folder": "/d",
        "state": STATES[number % len(STATES)],
        **dict.fromkeys(
            ("created_at", "queued_at", "updated_at", "submitted_at", "started_at", "ended_at"), at
        ),
    }


@contextmanager
def _serve(url: str, folder: Path) -> Iterator[tuple[str, int]]:
    """Run the API, and give its URL and process."""
    (folder / "infrastructures.toml").write_text(CLUSTERS, encoding="utf-8")
    [port] = free_ports(1)
    env = {**os.environ, "GATEWAY_DATABASE_URL": url, "GATEWAY_CREDENTIALS_KEY": new_key()}
    env |= {"GATEWAY_INFRASTRUCTURES": str(folder / "infrastructures.toml"), "GATEWAY_REDIS_URL": _no_redis()}
    words = [sys.executable, "-m", "hpc_gateway_client", "serve", "--port", str(port)]
    with (folder / "log").open("wb") as log, subprocess.Popen(words, env=env, stderr=log, stdout=log) as api:
        address = f"http://{LOOPBACK}:{port}"
        until("the API answers", lambda: _answers(address))
        yield address, api.pid
        api.terminate()


def _no_redis() -> str:
    return f"redis://{LOOPBACK}:{free_ports(1)[0]}/0"


def _answers(url: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{url}/health/live").is_success
    return False


def _processor_s(pid: int) -> float:
    times = [each.cpu_times() for each in tree(psutil.Process(pid))]
    return sum(each.user + each.system for each in times)


def _measure(url: str, pid: int, seconds: int) -> tuple[float, float, float, float]:
    """Return requests per second, p50 and p99 in ms, and the processor time of a request in ms."""
    before = _processor_s(pid)
    words = [_WRK, "-t1", "-c8", f"-d{seconds}s", "--timeout", "30s", "--latency", url]
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    used = _processor_s(pid) - before
    requests = int(re.findall(r"(\d+) requests in", said)[0])
    if "Non-2xx" in said:
        raise RuntimeError(said)
    rate = float(re.findall(r"Requests/sec:\s+([\d.]+)", said)[0])
    return rate, _percentile(said, 50), _percentile(said, 99), 1000 * used / max(requests, 1)


def _percentile(said: str, percent: int) -> float:
    value, unit = re.findall(rf"{percent}%\s+([\d.]+)(us|ms|s)", said)[0]
    return float(value) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit]


def lists(database: str, rows: int, url: str, pid: int, seconds: int) -> None:
    """Measure each list, and print the medians of the rounds."""
    following = httpx.get(f"{url}/job", params={"limit": 100}).json()["next"]
    for path in (*LISTS, f"/job?cursor={following}"):
        rounds = [_measure(f"{url}{path}", pid, seconds) for _ in range(ROUNDS)]
        figures = [median(column) for column in zip(*rounds, strict=True)]
        name = path.split("cursor=")[0]
        print(f"| {database} | {rows} | `{name}` | " + " | ".join(f"{each:.1f}" for each in figures) + " |")


async def _hold(port: int, row_id: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    writer.write(
        f"GET /job/{row_id}?wait=50 HTTP/1.1\r\nHost: {LOOPBACK}\r\nConnection: close\r\n\r\n".encode()
    )
    await writer.drain()
    return reader, writer


async def waiters(database: str, engine: Engine, url: str, pid: int) -> None:
    """Hold requests that wait, change the row, and print the memory and the time to the last answer."""
    row = _job(0, datetime.now(UTC)) | {"state": "running", "ended_at": None}
    with engine.begin() as connection:
        connection.execute(insert(Job), [row])
    process, row_id = psutil.Process(pid), str(row["id"])
    idle = process.memory_info().rss
    held = await asyncio.gather(*(_hold(int(url.rpartition(":")[2]), row_id) for _ in range(WAITERS)))
    await asyncio.sleep(SETTLE_S)
    before = _processor_s(pid)
    await asyncio.sleep(SETTLE_S)
    used = (_processor_s(pid) - before) / SETTLE_S
    more = (process.memory_info().rss - idle) / 2**20
    with engine.begin() as connection:
        _change(connection, row_id)
    changed = time.perf_counter()
    answers = await asyncio.gather(*(reader.read() for reader, _ in held))
    spread = time.perf_counter() - changed
    for _, writer in held:
        writer.close()
    seen = sum(b'"pending"' in answer for answer in answers)
    print(
        f"{database}: {WAITERS} waiters cost {more:.0f} MiB and {1000 * used:.0f} ms of CPU time a second;"
        f" {seen} saw the change within {spread:.2f} s"
    )


def _change(connection: Connection, row_id: str) -> None:
    plain = row_id if connection.dialect.name == "postgresql" else row_id.replace("-", "")
    of_row = {"id": plain, "at": datetime.now(UTC)}
    connection.execute(text("UPDATE jobs SET state = 'pending' WHERE id = :id"), of_row)
    connection.execute(
        text(
            "INSERT INTO events (work_id, at, from_state, to_state, attempt, claim, worker, actor, reason)"
            " VALUES (:id, :at, 'running', 'pending', 1, 1, '', '', '')"
        ),
        of_row,
    )


def on(database: str, url: str, rows: int, seconds: int) -> None:
    """Measure on one database."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        engine = make_engine(url.format(folder=folder))
        upgrade(engine)
        _fill(engine, rows)
        with _serve(url.format(folder=folder), folder) as (address, pid):
            lists(database, rows, address, pid, seconds)
            asyncio.run(waiters(database, engine, address, pid))
        engine.dispose()


def main() -> None:
    """Print the table and the figures of the waiters."""
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    rows, seconds = (*numbers, *(1000, 5)[len(numbers) :])
    chosen = [word for word in sys.argv[1:] if not word.isdigit()] or ["sqlite", "postgresql"]
    print(f"{time.strftime('%Y-%m-%d')}, {ROUNDS} rounds of {seconds} s each, 8 clients")
    print("| database | jobs | list of 100 | per second | p50 ms | p99 ms | CPU ms |")
    print("|---|---|---|---|---|---|---|")
    if "sqlite" in chosen:
        on("SQLite", "sqlite:///{folder}/api.db", rows, seconds)
    if "postgresql" in chosen:
        with postgres(durable=True) as server:
            on("PostgreSQL 15", create_database(server.url, "api"), rows, seconds)


if __name__ == "__main__":
    main()
