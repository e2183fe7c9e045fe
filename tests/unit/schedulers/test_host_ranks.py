"""Ranks on several hosts, by a pbs_tmrsh that passes no output, no environment and no signal."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from gateway.schedulers import batch_script
from gateway.schedulers.base import JobSpec
from tests.polling import until

TMRSH = """\
#!/bin/bash
host=$1
shift
[ "$host" != lost ] || exit 3
echo "$host" >>"$TMRSH_LOG"
env -i PATH=/usr/bin:/bin setsid --wait "$@" </dev/null >/dev/null 2>&1
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Make a program that stands for pbs_tmrsh, and the environment that PBS gives a job."""
    tool = tmp_path / "bin" / "pbs_tmrsh"
    tool.parent.mkdir()
    tool.write_text(TMRSH)
    tool.chmod(0o755)
    return {
        "PATH": f"{tool.parent}:/usr/bin:/bin",
        "HOME": "/",
        "PBS_JOBID": "77.server",
        "PBS_NODEFILE": str(tmp_path / "nodes"),
        "TMRSH_LOG": str(tmp_path / "tmrsh.log"),
    }


def start(
    folder: Path, environment: dict[str, str], text: str, hosts: str, ranks: int
) -> subprocess.Popen[bytes]:
    (folder / "nodes").write_text("".join(f"{host}\n" for host in hosts.split()))
    control = folder / "it's a folder"
    control.mkdir()
    job = JobSpec("job.1", control, ("/bin/bash", "-c", text), ranks, 1, "hosts", {"A": "b 'c'"})
    return subprocess.Popen(
        ["/bin/bash", "-p", "-c", batch_script.render(job)], env=environment, start_new_session=True
    )


def control(folder: Path) -> Path:
    return folder / "it's a folder"


def test_each_rank_runs_on_its_host_and_leaves_its_exit_code(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    text = 'echo "$SLURM_PROCID/$SLURM_NTASKS $SLURM_LOCALID $A"; echo err >&2'
    assert start(tmp_path, environment, text, "a a b b", 4).wait(60) == 0
    out = (control(tmp_path) / batch_script.STDOUT).read_text().splitlines()
    assert sorted(out) == ["0/4 0 b 'c'", "1/4 1 b 'c'", "2/4 0 b 'c'", "3/4 1 b 'c'"]
    assert (control(tmp_path) / batch_script.STDERR).read_text() == "err\n" * 4
    assert sorted((tmp_path / "tmrsh.log").read_text().split()) == ["a", "a", "b", "b"]
    assert [(control(tmp_path) / f"rank{rank}.exit").read_text() for rank in range(4)] == ["0\n"] * 4
    assert json.loads((control(tmp_path) / batch_script.STARTED).read_text())["scheduler_id"] == "77"


def test_one_host_needs_no_pbs_tmrsh(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "bin" / "pbs_tmrsh").unlink()
    assert start(tmp_path, environment, "exit $SLURM_PROCID", "a a a", 3).wait(60) in {1, 2}
    assert not (tmp_path / "tmrsh.log").exists()


def test_several_hosts_without_pbs_tmrsh_are_told(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "bin" / "pbs_tmrsh").unlink()
    assert start(tmp_path, environment, "true", "a b", 2).wait(60) == 127
    assert "pbs_tmrsh is not on the PATH" in (control(tmp_path) / batch_script.STDERR).read_text()


def test_a_rank_that_fails_ends_those_on_other_hosts(tmp_path: Path, environment: dict[str, str]) -> None:
    text = '[ "$SLURM_PROCID" = 1 ] && exit 9; echo $$ >>pids; exec sleep 1000'
    assert start(tmp_path, environment, f"cd {tmp_path}; {text}", "a b c", 3).wait(60) == 9
    for pid in map(int, (tmp_path / "pids").read_text().split()):
        assert not Path(f"/proc/{pid}/cmdline").exists() or not Path(f"/proc/{pid}/cmdline").read_bytes()
    assert (control(tmp_path) / "rank1.exit").read_text() == "9\n"


def test_a_signal_ends_the_ranks_on_other_hosts(tmp_path: Path, environment: dict[str, str]) -> None:
    process = start(tmp_path, environment, f"echo $$ >>{tmp_path}/pids; exec sleep 1000", "a b", 2)
    until(
        "both run", lambda: (tmp_path / "pids").exists() and (tmp_path / "pids").read_text().count("\n") == 2
    )
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(60) == 143
    for pid in map(int, (tmp_path / "pids").read_text().split()):
        assert not Path(f"/proc/{pid}").exists() or not Path(f"/proc/{pid}/cmdline").read_bytes()
    assert json.loads((control(tmp_path) / batch_script.EXIT).read_text())["signal"] == 15


def test_a_rank_whose_host_is_lost_fails_the_job(tmp_path: Path, environment: dict[str, str]) -> None:
    assert start(tmp_path, environment, "true", "a lost", 2).wait(60) == 3
    assert not (control(tmp_path) / "rank1.exit").exists()
