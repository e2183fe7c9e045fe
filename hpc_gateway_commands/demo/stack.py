"""The whole service on this machine: queue, store, API, worker, beat and Flower as child processes.

The demo and the acceptance tests run it.
"""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from gateway.encryption import new_key
from gateway.errors import Unavailable
from gateway.supervision import STOP_S, Supervisor
from hpc_gateway_commands.demo.services import LOOPBACK, ObjectStore, Valkey, free_ports
from hpc_gateway_commands.ports import API_PORT, FLOWER_PORT

INFRASTRUCTURE = "demo"
READY_S = 60.0
LOG_LINES = 10
# SeaweedFS has flushed its volumes at once, and then waits 15 s for connections between its own parts.
STORE_PATIENCE_S = 1.0
_POLL_S = 0.1


@dataclass(frozen=True)
class Account:
    """Another account for the parts of a stack that root starts: its id, and the words before a command."""

    uid: int
    prefix: tuple[str, ...]


@dataclass(frozen=True)
class Stack:
    """A running service: its addresses and keys, and its parts, to stop and start them."""

    folder: Path
    parts: Supervisor
    env: Mapping[str, str]
    store: ObjectStore
    queue: Valkey
    api_port: int
    flower_port: int
    flower_password: str
    account: Account | None = None

    @property
    def api_url(self) -> str:
        """Where the REST API is."""
        return f"http://{LOOPBACK}:{self.api_port}"

    @property
    def flower_url(self) -> str:
        """Where Flower is; its user is `demo`."""
        return f"http://{LOOPBACK}:{self.flower_port}"

    @property
    def home(self) -> Path:
        """The home of the demo's cluster."""
        return self.folder / "cluster"

    def own(self, folder: Path) -> None:
        """Give a folder with its content to the account of the parts."""
        if self.account is not None:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, self.account.uid, -1, follow_symlinks=False)

    def start(
        self, name: str, argv: Sequence[str], env: Mapping[str, str] | None = None, patience_s: float = STOP_S
    ) -> None:
        """Start a part as its account."""
        self.parts.start(name, self._as_account(argv), self.env if env is None else env, patience_s)

    def _as_account(self, argv: Sequence[str]) -> list[str]:
        return [*(self.account.prefix if self.account else ()), *argv]

    def start_queue(self) -> None:
        """Start Valkey and wait until it answers."""
        self.queue.folder.mkdir(exist_ok=True)
        self.own(self.queue.folder)
        self.start("valkey", self.queue.argv, self.queue.env)
        self.queue.wait_ready()

    def start_store(self) -> None:
        """Start the S3 server and wait until it keeps an object."""
        self.store.prepare()
        self.own(self.store.folder)
        self.start("s3", self.store.argv, self.store.env, STORE_PATIENCE_S)
        self.store.wait_ready()
        self._run("prepare-store")

    def start_api(self) -> None:
        """Start the API and wait until it is ready."""
        self.start("api", _command("serve", "--port", str(self.api_port)))
        self._wait("api", f"{self.api_url}/health/ready")

    def start_worker(self) -> None:
        """Start the worker of the demo's cluster, which also does the housekeeping and delivers webhooks."""
        self.start("worker", _command("worker", INFRASTRUCTURE, "--housekeeping", "--webhooks"))

    def start_beat(self) -> None:
        """Start beat, which asks for the sweeps."""
        self.start("beat", _command("beat"))

    def start_flower(self) -> None:
        """Start Flower behind a password, which is handed over out of sight of `ps`."""
        argv = _command("flower", "--port", str(self.flower_port))
        password = f"demo:{self.flower_password}"
        self.start("flower", argv, {**self.env, "GATEWAY_FLOWER_BASIC_AUTH": password})

    def migrate(self) -> None:
        """Create the database."""
        self._run("migrate")

    def _run(self, command: str) -> None:
        argv = self._as_account(_command(command))
        subprocess.run(argv, env=self.env, cwd="/", check=True, stdin=subprocess.DEVNULL, capture_output=True)

    def check_parts(self) -> None:
        """Raise with the name of a part that has ended, and the end of its log."""
        ended = self.parts.ended()
        if ended is not None:
            name, status = ended
            how = f"by the signal {-status}" if status < 0 else f"with the status {status}"
            raise Unavailable(f"a part has ended, {how}: {name}.{self._end_of_log(name)}")

    def _end_of_log(self, name: str) -> str:
        """Return the last lines of a part's log, which is removed with the folder of the demo."""
        text = (self.folder / "logs" / f"{name}.log").read_text(encoding="utf-8", errors="replace")
        lines = ["".join(c if c.isprintable() else "?" for c in line) for line in text.splitlines()]
        return "\n".join([" The end of its log:", *lines[-LOG_LINES:]]) if lines else " It wrote no log."

    def _wait(self, name: str, url: str) -> None:
        deadline = time.monotonic() + READY_S
        with httpx.Client(timeout=2) as client:
            while not _answers(client, url):
                self.check_parts()
                if time.monotonic() > deadline:
                    raise Unavailable(f"{name} did not start in {READY_S:.0f} s.{self._end_of_log(name)}")
                time.sleep(_POLL_S)


@contextmanager
def running_stack(
    folder: Path,
    say: Callable[[str], None],
    *,
    flower: bool = True,
    settings: Mapping[str, str] | None = None,
    account: Account | None = None,
) -> Iterator[Stack]:
    """Start everything below a folder, and stop everything at the end of the block.

    `settings` are environment variables that win over the stack's own. Root alone may name an account.
    """
    with _port(API_PORT) as api_port, _port(FLOWER_PORT) as flower_port:
        stack = replace(_lay_out(folder, settings or {}, api_port, flower_port), account=account)
        stack.own(stack.folder)
        try:
            for what, start in (
                ("Valkey, the task queue", stack.start_queue),
                ("SeaweedFS, an S3 store", stack.start_store),
                ("the database (SQLite)", stack.migrate),
                ("the API", stack.start_api),
                (f"the worker of the cluster {INFRASTRUCTURE!r}", stack.start_worker),
                ("beat", stack.start_beat),
            ):
                say(what)
                start()
            if flower:
                say("Flower")
                stack.start_flower()
            yield stack
        finally:
            stack.parts.stop()
            stack.store.clean_up()


def _lay_out(folder: Path, settings: Mapping[str, str], api_port: int, flower_port: int) -> Stack:
    """Make the folders, the secrets and the configuration."""
    folder = folder.resolve()
    logs = folder / "logs"
    for made in (logs, folder / "cluster"):
        made.mkdir(parents=True)
    _write_secret(folder / "credentials.key", new_key())
    (folder / "infrastructures.toml").write_text(_configuration(folder / "cluster"), encoding="utf-8")
    queue_port, store_port = free_ports(2)
    queue = Valkey(queue_port, folder / "valkey")
    store = ObjectStore(store_port, folder / "s3", "demo-user", secrets.token_urlsafe(24))
    return Stack(
        folder=folder,
        parts=Supervisor(logs),
        env=_environment(folder, queue, store)
        | {"GATEWAY_FLOWER_URL": f"http://{LOOPBACK}:{flower_port}"}
        | dict(settings),
        store=store,
        queue=queue,
        api_port=api_port,
        flower_port=flower_port,
        flower_password=secrets.token_urlsafe(12),
    )


def _environment(folder: Path, queue: Valkey, store: ObjectStore) -> dict[str, str]:
    """Return the settings of this stack; none of the caller's own reach it."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("GATEWAY_", "AWS_"))}
    return ours | {
        "GATEWAY_DATABASE_URL": f"sqlite:///{folder / 'gateway.db'}",
        "GATEWAY_REDIS_URL": queue.url,
        "GATEWAY_INFRASTRUCTURES": str(folder / "infrastructures.toml"),
        "GATEWAY_CREDENTIALS_KEY_FILE": str(folder / "credentials.key"),
        "GATEWAY_ALLOWED_ENDPOINTS": f"{LOOPBACK}:{store.port}",
        **store.gateway_settings,
    }


def _configuration(home: Path) -> str:
    return f'[{INFRASTRUCTURE}]\nscheduler = "local"\nhome = "{home}"\npython = "{sys.executable}"\n'


def _write_secret(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


@contextmanager
def _port(preferred: int) -> Iterator[int]:
    """Reserve the usual port, or a free one if that is taken by a process or by another stack."""
    with socket.socket(socket.AF_UNIX) as claim:
        try:
            claim.bind(f"\0hpc-gateway-{preferred}")  # a name without a file, gone with its process
        except OSError:
            yield int(free_ports(1)[0])
        else:
            yield preferred if _is_free(preferred) else int(free_ports(1)[0])


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _command(*words: str) -> list[str]:
    return [sys.executable, "-P", "-m", "hpc_gateway_client", *words]


def _answers(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url).is_success
    except httpx.HTTPError:
        return False
