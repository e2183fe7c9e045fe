"""`hpc-gateway demo` as a user starts it: two at once beside a running service, and nothing left of them."""

import signal
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.client import Client
from tests.demos import END_S, demo
from tests.polling import until

# A demo has a database of its own.
pytestmark = pytest.mark.parametrize("stack", ["sqlite"], indirect=True)


def test_two_demos_beside_a_running_service_finish_and_leave_nothing(client: Client, tmp_path: Path) -> None:
    with ExitStack() as stack:
        short = stack.enter_context(demo(tmp_path / "short"))
        kept = stack.enter_context(demo(tmp_path / "kept", "--keep"))
        assert short.process.wait(END_S) == 0, short.said
        assert "Agrees with SciPy" in short.said
        assert (tmp_path / "short/hpc-gateway-demo.png").read_bytes().startswith(b"\x89PNG")
        until("nothing is left of the demo that has ended", lambda: not short.left(), 5.0)

        until("the other one says that it stays", lambda: kept.says("until Ctrl-C"), END_S)
        assert httpx.get(f"{kept.api_url}/health/ready").json()["status"] == "ok"
        ports = {client.stack.api_port, int(short.api_url.rpartition(":")[2])}
        assert int(kept.api_url.rpartition(":")[2]) not in ports
        kept.process.send_signal(signal.SIGINT)
        assert kept.process.wait(60) == 0, kept.said
        until("nothing is left of the demo that was interrupted", lambda: not kept.left(), 5.0)
