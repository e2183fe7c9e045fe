"""docs/rest.md: every block runs in one shell, from the start of the parts to the result."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hpc_gateway_commands.demo.services import free_ports
from tests.polling import until

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/rest.md").read_text(encoding="utf-8")
PORTS = ("6379", "8333", "8080", "5555", "9333", "8081", "8888")
SERVERS = re.compile(r"(?<=[:= ])(" + "|".join(PORTS) + r")\b")


def _script() -> str:
    blocks = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) > 6
    ports = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))
    return "set -euo pipefail\n" + SERVERS.sub(lambda found: ports[found[1]], "\n".join(blocks))


def _end(group: int) -> None:
    """End all parts, and kill those that do not end by themselves."""
    try:
        os.killpg(group, signal.SIGTERM)
        until("the parts have ended", lambda: not _is_there(group))
    except ProcessLookupError:
        return
    except AssertionError:
        os.killpg(group, signal.SIGKILL)
        raise


def _is_there(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.timeout(240)
def test_the_page_leads_from_an_empty_shell_to_the_result(tmp_path: Path) -> None:
    ours = {name: text for name, text in os.environ.items() if not name.startswith(("GATEWAY_", "AWS_"))}
    path = f"{Path(sys.executable).parent}:{ours['PATH']}"
    with (tmp_path / "out.log").open("wb") as log:
        shell = subprocess.Popen(
            ["/bin/bash", "-c", _script()],
            env={**ours, "HOME": str(tmp_path), "PATH": path},
            cwd=ROOT,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            status = shell.wait(220)
        finally:
            _end(shell.pid)
    folder = tmp_path / "hpc-gateway"
    assert status == 0, (tmp_path / "out.log").read_text()[-4000:]
    smooth = (folder / "smooth.csv").read_text().splitlines()
    assert (len(smooth), smooth[0]) == (501, "x;y;")
