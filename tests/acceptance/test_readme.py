"""The lines for users of the README and of the client's page run as they stand, from an empty folder."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from hpc_gateway_client.commands.output import LOCAL_URL
from hpc_gateway_commands.demo.stack import Stack
from tests.acceptance.test_cli import environment
from tests.client import Client

ROOT = Path(__file__).parents[2]
# It talks to the API alone: one database is enough.
pytestmark = pytest.mark.parametrize("stack", ["sqlite"], indirect=True)


def _blocks(stack: Stack, text: str) -> list[tuple[str, str]]:
    """Return the blocks of code of a text; the port of this stack may be another."""
    found = re.findall(r"```(bash|python)\n(.*?)```", text, re.DOTALL)
    return [(kind, text.replace(LOCAL_URL, stack.api_url)) for kind, text in found]


def test_each_block_runs(stack: Stack, client: Client, tmp_path: Path) -> None:
    assert client.s3, "the bucket is there"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = _blocks(stack, readme.partition("## Use it")[2].partition("\n## ")[0])
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


def test_the_blocks_of_the_clients_page_run_one_after_the_other(stack: Stack, tmp_path: Path) -> None:
    blocks = _blocks(stack, (ROOT / "docs/client.md").read_text(encoding="utf-8"))
    script = "\n".join(text for kind, text in blocks if kind == "python")
    env = environment(stack, GATEWAY_BUCKET="")
    argv = [sys.executable, "-c", script]
    done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("succeeded ['fft']\n"), done.stdout
    assert "window" in done.stdout, "the refusal"
    made = {"spectrum.csv", "spectrum_fft.csv", "fft.csv", "min_max.csv"}
    assert made <= {file.name for file in tmp_path.iterdir()}
