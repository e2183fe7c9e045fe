"""`hpc-gateway demo --keep` says how to use it, and names a part of it that ends."""

import os
import subprocess
import sys
from pathlib import Path

import psutil

from tests.demos import END_S, Demo, demo
from tests.polling import until


def pasted(demo: Demo) -> str:
    """Return the three lines that it gives to another shell."""
    lines = demo.said.split("Paste into another shell", 1)[1].splitlines()
    return "\n".join(lines[1:4])


def test_a_kept_demo_is_used_from_another_shell_and_names_a_part_that_ends(tmp_path: Path) -> None:
    with demo(tmp_path / "kept", "--keep") as kept:
        until("it stays", lambda: kept.says("until Ctrl-C"), END_S)
        operator = f"{sys.executable} -m hpc_gateway_client prune --older-than 30d"
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        shell = ["bash", "-e", "-c", f"{pasted(kept)}\n{operator}"]
        used = subprocess.run(
            shell, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120
        )
        assert used.returncode == 0, used.stderr
        assert "0 rows would be removed" in used.stdout
        assert (tmp_path / "spectrum.csv").exists()

        parts = psutil.Process(kept.process.pid).children()
        [beat] = [part for part in parts if part.cmdline()[-1] == "--pidfile="]
        beat.kill()
        assert kept.process.wait(60) == 1, kept.said
        assert "a part has ended, by the signal 9: beat. The end of its log:" in kept.said
        until("nothing is left of it", lambda: not kept.left(), 5.0)
