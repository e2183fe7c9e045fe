"""The parts as processes: in `/`, without the caller's folder, not dumpable, no secret in the environment."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psutil
import pytest

from gateway import processes
from gateway.encryption import new_key
from hpc_gateway_commands.demo.services import free_ports
from tests.polling import until

COMMAND = str(Path(sys.executable).with_name("hpc-gateway"))
SECRETS = {
    "GATEWAY_DATABASE_URL": "postgresql+psycopg://gateway:s3cret-database@127.0.0.1:9/gateway",
    "GATEWAY_REDIS_URL": "redis://:s3cret-queue@127.0.0.1:9/0",
    "GATEWAY_FLOWER_BASIC_AUTH": "ada:s3cret-flower",
    "GATEWAY_TOKEN": "s3cret-token",
    "OTEL_EXPORTER_OTLP_HEADERS": "authorization=s3cret-collector",
    "AWS_SECRET_ACCESS_KEY": "s3cret-store",
    "PGPASSWORD": "s3cret-libpq",
}
# Modules that a part would import from its folder, if it looked there; each leaves a file beside itself.
PLANTED = ("celery", "flowerconfig", "gateway", "workers", "uvicorn", "api", "json", "typer")
# Printed by a process about itself, and by its fork.
REPORT = """
import ctypes, json, os, sys
from glob import glob
from gateway.settings import get_settings

def look():
    return {
        "dumpable": ctypes.CDLL(None).prctl(3, 0, 0, 0, 0),
        "environ": open("/proc/self/environ").read() if os.access("/proc/self/environ", os.R_OK) else "",
        "folder": os.getcwd(),
        "safe": sys.flags.safe_path,
        "words": sys.argv[1:],
        "descriptors": [os.path.realpath(path) for path in glob("/proc/self/fd/*")],
        "retries": get_settings().retries,
        "other": os.environ.get("PGPASSWORD"),
        "ours": [name for name in os.environ if name.startswith("GATEWAY_")],
    }

def main():
    if os.fork() == 0:
        print(json.dumps(look()), flush=True)
        os._exit(0)
    os.wait()
    print(json.dumps(look()))
"""


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """Make a folder as an operator has it, with traps in it, and return the environment of a call."""
    (tmp_path / "infrastructures.toml").write_text(f'[here]\nscheduler = "local"\nhome = "{tmp_path}"\n')
    (tmp_path / "keys.txt").write_text(new_key())
    ours = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    return ours | {"GATEWAY_CREDENTIALS_KEY_FILE": "keys.txt"}


@contextmanager
def running(folder: Path, env: Mapping[str, str], *words: str) -> Iterator[psutil.Process]:
    with (folder / "log").open("ab") as log:
        started = subprocess.Popen(
            [COMMAND, *words], cwd=folder, env=dict(env), stderr=log, stdin=subprocess.DEVNULL
        )
    process = psutil.Process(started.pid)
    try:
        yield process
    finally:
        everything = [process, *process.children(recursive=True)]
        started.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            started.wait(30)
        for left in everything:
            with suppress(psutil.NoSuchProcess):
                left.kill()
        started.wait()


class Part(NamedTuple):
    """One process of a part, as root sees it at one moment."""

    words: list[str]
    environment: bytes
    folder: str


def _parts(process: psutil.Process, count: int) -> list[Part]:
    """Wait for `count` processes of the part, and return all of them."""

    def look() -> list[Part] | None:
        found = [part for each in (process, *process.children(recursive=True)) if (part := _part(each))]
        return found if len(found) >= count else None

    return until(f"{count} processes run", look)


def _part(process: psutil.Process) -> Part | None:
    """Return it once it has taken the launcher's place; helpers of libraries come and go."""
    with suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        folder = process.cwd() if os.geteuid() == 0 else "/"
        part = Part(process.cmdline(), _environment(process), folder)
        started = any(word.startswith(("gateway.processes", "from multiprocessing")) for word in part.words)
        return part if started and part.environment else None
    return None


def _environment(process: psutil.Process) -> bytes:
    try:
        return Path(f"/proc/{process.pid}/environ").read_bytes()
    except PermissionError:
        return b"root alone can read it"


# The worker: its launcher, the watcher, three main processes with a pool. The API: with uvicorn's tracker.
@pytest.mark.parametrize(
    ("words", "count"),
    [
        (("worker", "here", "--housekeeping", "--concurrency", "1"), 8),
        (("beat",), 1),
        (("flower", "--port={port}"), 1),
        (("serve", "--workers=2", "--port={port}"), 4),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_part_has_no_secret_and_no_folder_of_others(
    tmp_path: Path, env: dict[str, str], words: tuple[str, ...], count: int
) -> None:
    for name in PLANTED:
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / name)!r} + '.imported', 'w')")
    port = free_ports(1)[0]
    with running(tmp_path, env | SECRETS, *(word.format(port=port) for word in words)) as process:
        for part in _parts(process, count):
            assert b"s3cret" not in part.environment
            assert "s3cret" not in " ".join(part.words)
            assert part.folder == "/"
            assert "-P" in part.words[1:3]
        if words[0] in {"serve", "flower"}:
            until("it answers", lambda: _answers(port))
    assert list(tmp_path.glob("*.imported")) == []


def _answers(port: int) -> bool:
    with suppress(httpx.TransportError):
        return bool(httpx.get(f"http://127.0.0.1:{port}/", timeout=10).status_code)
    return False


def _reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> list[dict[str, Any]]:
    """Start a process as the gateway does, and return what its fork and itself say about themselves."""
    (tmp_path / "report.py").write_text(REPORT)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("GATEWAY_RETRIES", "3")
    monkeypatch.setenv("PGPASSWORD", "s3cret")
    with processes.sealed() as descriptor:
        done = subprocess.run(
            processes.command(descriptor, "report:main", *words),
            env=processes.plain_environment(),
            pass_fds=(descriptor,),
            cwd="/",
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_process_and_its_forks_cannot_be_dumped(
    tmp_path: Path, settings: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    fork, process = _reports(tmp_path, monkeypatch, "a word", "--option")
    for found in (fork, process):
        assert found["dumpable"] == 0
        assert "s3cret" not in found["environ"]
        assert not any("memfd" in target for target in found["descriptors"])
        assert found["folder"] == "/"
        assert found["safe"] is True
        assert found["words"] == ["a word", "--option"]
        assert (found["retries"], found["other"], found["ours"]) == (3, "s3cret", [])


def test_what_is_handed_on_cannot_be_changed(settings: None) -> None:
    with processes.sealed() as descriptor:
        for change in (lambda: os.pwrite(descriptor, b"x", 0), lambda: os.ftruncate(descriptor, 0)):
            with pytest.raises(PermissionError):
                change()


def test_an_expected_error_is_one_line_after_that_of_an_unread_env_file(
    tmp_path: Path, env: dict[str, str]
) -> None:
    unread = tmp_path / ".env"
    unread.write_text("GATEWAY_INFRASTRUCTURES=/elsewhere\n")
    done = subprocess.run(
        [COMMAND, "worker", "elsewhere"], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"{unread} is not read; set GATEWAY_ENV_FILE={unread} to read it",
        "hpc-gateway: 'elsewhere' is not in the configuration file; it defines ['here']",
    ]


def test_all_parts_of_a_folder_see_the_same_files(tmp_path: Path, env: dict[str, str]) -> None:
    """Follow docs/operations.md in one folder, with the default of every path."""
    port = str(free_ports(1)[0])
    env |= {"GATEWAY_AUTH": "keys", "GATEWAY_REDIS_URL": "redis://127.0.0.1:9/0"}
    told = [
        subprocess.check_output([COMMAND, *words], cwd=tmp_path, env=env, text=True, timeout=60)
        for words in (["migrate"], ["keys", "create", "ada"])
    ]
    headers = {"Authorization": f"Bearer {told[1].strip()}"}
    with running(tmp_path, env, "serve", "--port", port):
        until("the API answers", lambda: _answers(int(port)))
        found = httpx.get(f"http://127.0.0.1:{port}/infrastructure", headers=headers, timeout=30)
    assert found.status_code == 200, found.text
    assert [cluster["name"] for cluster in found.json()] == ["here"]
