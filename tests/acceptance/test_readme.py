"""The README's lines for users run as they stand, from an empty folder, against a started gateway."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from hpc_gateway_client.commands.output import LOCAL_URL
from hpc_gateway_commands.demo.stack import Stack
from tests.acceptance.test_cli import environment
from tests.client import Client

README = Path(__file__).parents[2] / "README.md"
# It talks to the API alone: one database is enough.
pytestmark = pytest.mark.parametrize("stack", ["sqlite"], indirect=True)


def _blocks(stack: Stack) -> list[tuple[str, str]]:
    """Return the blocks of code of the chapter for users; the port of this stack may be another."""
    chapter = README.read_text(encoding="utf-8").partition("## Use it")[2].partition("\n## ")[0]
    found = re.findall(r"```(bash|python)\n(.*?)```", chapter, re.DOTALL)
    return [(kind, text.replace(LOCAL_URL, stack.api_url)) for kind, text in found]


def test_each_block_runs(stack: Stack, client: Client, tmp_path: Path) -> None:
    assert client.s3, "the bucket is there"
    blocks = _blocks(stack)
    assert [kind for kind, _ in blocks] == ["bash", "python", "python"]
    env = environment(stack, GATEWAY_BUCKET="")
    env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
    for kind, text in blocks:
        result = tmp_path / "spectrum.csv"
        result.unlink(missing_ok=True)
        argv = ["/bin/bash", "-ec", text] if kind == "bash" else [sys.executable, "-c", text]
        done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{text}\n{done.stderr}"
        assert result.exists() or "stage_out" in text, text
