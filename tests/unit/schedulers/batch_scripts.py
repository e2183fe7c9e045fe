"""Batch scripts of the tests: their jobs, and runs of them."""

import os
import subprocess
from pathlib import Path

from gateway.schedulers import batch_script
from gateway.schedulers.base import JobSpec

AWKWARD = [
    "plain",
    "",
    " two  spaces ",
    "'",
    '"',
    "'; touch pwned; '",
    "$(touch pwned)",
    "`touch pwned`",
    "${HOME}",
    "a\nb\n",
    "\r\t",
    "\\",
    "\\n",
    "*",
    "~",
    "!!",
    "-n",
    "--",
    "a=b",
    "{x}",
    "%s%d",
    "#",
    "&& touch pwned",
    "Ünïcødé 漢字 🚀",
    "\x01\x1b[31m",
]


def spec(folder: Path, *command: str, ranks: int = 1, environment: dict[str, str] | None = None) -> JobSpec:
    return JobSpec(
        name="job.1",
        folder=folder,
        command=command,
        ranks=ranks,
        threads=2,
        launcher="processes",
        environment=environment or {},
    )


def run(job: JobSpec, environment: dict[str, str] | None = None) -> int:
    done = subprocess.run(
        ["/bin/bash", "-p", "-c", batch_script.render(job)],
        env={**os.environ, "SECRET": "x", **(environment or {})},
        check=False,
        timeout=60,
    )
    return done.returncode


def out(folder: Path) -> str:
    return (folder / batch_script.STDOUT).read_bytes().decode()


def bash(text: str) -> tuple[str, ...]:
    return ("/bin/bash", "-c", text)
