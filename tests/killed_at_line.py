"""A call in a child process that is killed before it executes its n-th line in some modules."""

import os
import signal
import sys
from collections.abc import Callable, Collection
from types import FrameType
from typing import Any


def kill_at_line(line: int, traced: Collection[str | None], act: Callable[[], object]) -> bool:
    """Act in a child that is killed before it executes its n-th line; tell whether it got that far."""
    child = os.fork()
    if child == 0:
        left = line

        def trace(frame: FrameType, event: str, _argument: object) -> Any:
            nonlocal left
            if frame.f_code.co_filename not in traced:
                return None
            if event == "line":
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return trace

        sys.settrace(trace)
        act()
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)
