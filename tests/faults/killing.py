"""Ending and pausing processes without a warning, together with everything that they have started."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import OperationalError

from hpc_gateway_commands.demo.stack import Stack
from tests.polling import until


def tree(process: psutil.Process) -> list[psutil.Process]:
    """Return the process and all below it."""
    return [process, *process.children(recursive=True)]


def kill_part(stack: Stack, name: str) -> None:
    """SIGKILL a part of the stack with everything below it, so that nobody can clean up."""
    child = stack.parts.hand_over(name)
    processes = tree(psutil.Process(child.pid))
    for process in processes:  # stopped first: none may see another one die and react to it
        with suppress(psutil.NoSuchProcess):  # it has ended by itself since
            process.send_signal(signal.SIGSTOP)
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    child.wait()
    psutil.wait_procs(processes, timeout=10)


@contextmanager
def paused(stack: Stack, name: str) -> Iterator[None]:
    """Stop a part for a while, at a moment when it does not hold SQLite's lock: the API needs that, too."""
    processes = tree(psutil.Process(stack.parts.pid(name)))
    until(f"{name} stands still", lambda: _stand_still(stack, processes))
    try:
        yield
    finally:
        _send(processes, signal.SIGCONT)


def _stand_still(stack: Stack, processes: list[psutil.Process]) -> bool:
    _send(processes, signal.SIGSTOP)
    if not _can_be_written(stack.env["GATEWAY_DATABASE_URL"]):
        _send(processes, signal.SIGCONT)
        return False
    return True


def _send(processes: list[psutil.Process], number: int) -> None:
    for process in processes:
        process.send_signal(number)


def _can_be_written(url: str) -> bool:
    """Tell whether SQLite's one writer has left; PostgreSQL has many."""
    if not url.startswith("sqlite"):
        return True
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": 0.5})
    with suppress(OperationalError), engine.connect() as connection:
        connection.execute(text("BEGIN IMMEDIATE"))
        return True
    return False
