"""The API beside a plain service of the same stack (`plain_service.py`), in turns, by `wrk`.

Run it as `python -m tests.benchmarks.door [SECONDS] [sqlite|postgresql]`. Both databases wait for the disk
at every commit. No worker runs, and many slots are known, so that every row is published; a statement each
half second takes the published rows off, as workers that end them would.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import which
from statistics import median
from threading import Event, Thread

import httpx
import psutil
from sqlalchemy import Engine, insert, update

from gateway.db import make_engine
from gateway.encryption import new_key
from gateway.models import Transfer, WorkerSlots
from gateway.states import TransferState
from hpc_gateway_commands.demo.services import LOOPBACK, free_ports
from migrations import upgrade
from tests.faults.killing import tree
from tests.polling import until
from tests.postgres import create_database, postgres
from tests.services import valkey

ROUNDS = 3
_WRK = which("wrk") or "wrk"  # of the package `wrk`
CLUSTERS = '[hpc]\nscheduler = "local"\nhome = "/nonexistent/home"\n'
BODY = {
    "endpoint": "https://s3.example.org",
    "bucket": "b",
    "object": "x.csv",
    "access_key": "k",
    "secret_key": "s",
    "infrastructure": "hpc",
    "dst": "serrano/data/x.csv",
}
SCRIPT = (
    'wrk.method = "{method}"\nwrk.body = {body}\nwrk.headers["Content-Type"] = "application/json"\n{more}'
)


@dataclass(frozen=True)
class Load:
    """One kind of request, and the number of clients that repeat it."""

    name: str
    method: str
    clients: int
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Measured:
    """Requests per second, p50 and p99 in ms, processor time of a request in ms, and answers that failed."""

    rate: float
    p50: float
    p99: float
    cpu: float
    failed: int


@dataclass(frozen=True)
class Service:
    """A running service, and the row whose status is asked for."""

    url: str
    pid: int
    row: str

    @classmethod
    def of(cls, port: int, pid: int) -> "Service":
        """Wait until the service answers, and make its row."""
        url = f"http://{LOOPBACK}:{port}"
        until("the service answers", lambda: _answers(url))
        return cls(url, pid, httpx.post(f"{url}/s3_data", json=BODY).raise_for_status().json()["id"])

    def measure(self, load: Load, seconds: int) -> Measured:
        """Let `wrk` repeat the request for so many seconds."""
        path = "/s3_data" if load.method == "POST" else f"/s3_data/{self.row}"
        before = _processor_s(self.pid)
        said = _wrk(f"{self.url}{path}", load, seconds)
        used = _processor_s(self.pid) - before
        requests = int(_number(said, r"(\d+) requests in"))
        failed = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
        rate = _number(said, r"Requests/sec:\s+([\d.]+)")
        p50, p99 = (_milliseconds(said, percent) for percent in (50, 99))
        return Measured(rate, p50, p99, 1000 * used / max(requests, 1), int(failed[1]) if failed else 0)


def _wrk(url: str, load: Load, seconds: int) -> str:
    more = "".join(f'wrk.headers["{name}"] = {json.dumps(value)}\n' for name, value in load.headers)
    body = f"[==[{json.dumps(BODY)}]==]" if load.method == "POST" else "nil"
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT.format(method=load.method, body=body, more=more))
        script.flush()
        words = ["-t1", f"-c{load.clients}", f"-d{seconds}s", "--timeout", "30s", "--latency"]
        return subprocess.run(
            [_WRK, *words, "-s", script.name, url], check=True, capture_output=True, text=True
        ).stdout


def _number(said: str, pattern: str) -> float:
    found = re.search(pattern, said)
    return float(found[1]) if found else 0.0


def _milliseconds(said: str, percent: int) -> float:
    found = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s)", said)
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[found[2]] if found else 0.0


def _processor_s(pid: int) -> float:
    times = [each.cpu_times() for each in tree(psutil.Process(pid))]
    return sum(each.user + each.system for each in times)


def _answers(url: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{url}/openapi.json").is_success
    return False


@contextmanager
def process(words: Sequence[str], environment: dict[str, str], log: Path) -> Iterator[int]:
    """Run a process until the end of the block."""
    with log.open("wb") as output:
        started = subprocess.Popen(words, env=environment, stdout=output, stderr=output)
    try:
        yield started.pid
    finally:
        started.terminate()
        started.wait()


@contextmanager
def workers(engine: Engine) -> Iterator[None]:
    """Make many slots known, and end published rows as workers would."""
    slots = {"infrastructure": "hpc", "worker": "w", "long": 10**6, "short": 10**6}
    with engine.begin() as connection:
        connection.execute(insert(WorkerSlots).values(until=datetime.now(UTC) + timedelta(days=1), **slots))
    ended = {"state": TransferState.CANCELLED, "message_id": None, "next_send_at": None}
    stop = Event()

    def end_rows() -> None:
        while not stop.wait(0.5):
            with engine.begin() as connection:
                connection.execute(update(Transfer).where(Transfer.message_id.is_not(None)).values(ended))

    thread = Thread(target=end_rows)
    thread.start()
    yield
    stop.set()
    thread.join()


@contextmanager
def services(url: str, plain_url: str, folder: Path) -> Iterator[tuple[Service, Service]]:
    """Start the API and the plain service, each with a database of its own."""
    (folder / "infrastructures.toml").write_text(CLUSTERS, encoding="utf-8")
    engine = make_engine(url)
    upgrade(engine)
    with ExitStack() as stack:
        queue = stack.enter_context(valkey(folder)).url
        common = {**os.environ, "GATEWAY_REDIS_URL": queue, "GATEWAY_CREDENTIALS_KEY": new_key()}
        common["GATEWAY_INFRASTRUCTURES"] = str(folder / "infrastructures.toml")
        port, plain_port = free_ports(2)
        serve = [sys.executable, "-m", "hpc_gateway_client", "serve", "--port", str(port)]
        uvicorn = ["-m", "uvicorn", "--no-access-log", "--port", str(plain_port)]
        plain = [sys.executable, *uvicorn, "tests.benchmarks.plain_service:app"]
        ours = stack.enter_context(process(serve, common | {"GATEWAY_DATABASE_URL": url}, folder / "api.log"))
        others = common | {"GATEWAY_DATABASE_URL": plain_url}
        theirs = stack.enter_context(process(plain, others, folder / "plain.log"))
        both = Service.of(port, ours), Service.of(plain_port, theirs)
        stack.enter_context(workers(engine))
        yield both
    engine.dispose()


def loads(api: Service) -> list[Load]:
    """Return the requests of the comparison."""
    etag = httpx.get(f"{api.url}/s3_data/{api.row}").headers.get("etag", "")
    unchanged = [Load("GET, unchanged", "GET", 8, (("If-None-Match", etag),))] if etag else []
    posts = [Load("POST", "POST", clients) for clients in (1, 8, 32)]
    return [*posts, Load("GET", "GET", 8), *unchanged]


def compare(database: str, api: Service, plain: Service, seconds: int) -> None:
    """Measure in turns, and print the medians of the rounds."""
    for load in loads(api):
        rounds = [(api.measure(load, seconds), plain.measure(load, seconds)) for _ in range(ROUNDS)]
        ratio = median(ours.rate / theirs.rate for ours, theirs in rounds)
        for name, found in zip(("API", "plain"), zip(*rounds, strict=True), strict=True):
            rate, p50, p99, cpu = (
                median(getattr(each, field) for each in found) for field in ("rate", "p50", "p99", "cpu")
            )
            failed = sum(each.failed for each in found)
            times = f"{ratio:.2f}" if name == "API" else ""
            print(
                f"| {database} | {load.name} | {load.clients} | {name} | {rate:.0f} | {p50:.1f} | {p99:.1f}"
                f" | {cpu:.2f} | {failed} | {times} |",
                flush=True,
            )


def on(database: str, url: str, plain_url: str, seconds: int) -> None:
    """Compare on one database."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = [each.format(folder=folder) for each in (url, plain_url)]
        with services(found[0], found[1], folder) as (api, plain):
            compare(database, api, plain, seconds)


def main() -> None:
    """Print the table."""
    seconds = next((int(word) for word in sys.argv[1:] if word.isdigit()), 5)
    chosen = [word for word in sys.argv[1:] if not word.isdigit()] or ["sqlite", "postgresql"]
    print(f"{time.strftime('%Y-%m-%d')}, {ROUNDS} rounds of {seconds} s each")
    print(
        "| database | request | clients | service | per second | p50 ms | p99 ms | CPU ms | failed | ratio |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    if "sqlite" in chosen:
        on("SQLite", "sqlite:///{folder}/api.db", "sqlite:///{folder}/plain.db", seconds)
    if "postgresql" in chosen:
        with postgres(durable=True) as server:
            urls = [create_database(server.url, name) for name in ("api", "plain")]
            on("PostgreSQL 15", urls[0], urls[1], seconds)


if __name__ == "__main__":
    main()
