"""How pytest-xdist shares the tests out: one worker runs all tests of a started stack, or all of a file."""

import os
import re
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from hpc_gateway_commands.demo import services

_STACK = re.compile(
    r"tests/(acceptance|faults)/.*\[.*\b(sqlite|postgresql)\b.*\]$"
    r"|tests/(cluster)/.*\[.*\b(plain|site)\b.*\]$"
)
_WORKERS = 8  # at most; each has ports of its own
PORTS_OF = "GATEWAY_TEST_PORTS_OF"  # the worker whose ports a run beside another one takes, such as gw7


class Shares(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    """Hand out shares in the order of the collection, which begins with the longest: the stacks."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return share_of(nodeid)


def share_of(nodeid: str) -> str:
    """Return the stack or the form of the cluster that a test runs on, else the file of the test."""
    on_stack = _STACK.match(nodeid)
    return " on ".join(filter(None, on_stack.groups())) if on_stack else nodeid.split("::", 1)[0]


def keep_to_own_ports() -> None:
    """Give this worker ports that no other worker takes between looking for a free one and listening."""
    name = os.environ.get(PORTS_OF) or os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    worker = int(name.removeprefix("gw"))
    services._PORTS = services._PORTS[worker % _WORKERS :: _WORKERS]  # noqa: SLF001  a range of the tests' own
