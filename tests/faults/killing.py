"""Ending processes without a warning, together with everything that they have started."""

import signal
from contextlib import suppress

import psutil

from hpc_gateway_commands.demo.stack import Stack


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
