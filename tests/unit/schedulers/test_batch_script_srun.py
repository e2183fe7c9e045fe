"""The batch script under srun, by a program that stands for it."""

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.schedulers import attempt_record, batch_script
from gateway.schedulers.base import JobSpec
from tests.unit.schedulers.batch_scripts import AWKWARD, bash, out, run, spec

SRUN = """#!/bin/bash
printf "%s\\n" "${@:1:4}" "$SLURM_JOB_ID" "$SECRET"
shift 4
for SLURM_PROCID in 0 1; do export SLURM_PROCID; "$@"; done
exit 143
"""


def run_under_srun(tmp_path: Path, *command: str) -> int:
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "srun").write_text(SRUN)
    (bin_folder / "srun").chmod(0o755)
    job = JobSpec("job.1", tmp_path, command, ranks=3, threads=2, launcher="srun")
    return run(job, {"PATH": f"{bin_folder}:/usr/bin:/bin", "SLURM_JOB_ID": "9"})


def test_srun_gets_the_shape_of_the_job(tmp_path: Path) -> None:
    assert run_under_srun(tmp_path, "/usr/bin/printf", "%s\\n", *AWKWARD[1:]) == 143
    words = ["--kill-on-bad-exit=1", "--ntasks=3", "--cpus-per-task=2", "--", "9", ""]
    assert out(tmp_path) == "\n".join([*words, *AWKWARD[1:], *AWKWARD[1:], ""])


def test_srun_is_asked_for_mpi_where_the_operator_says_how(tmp_path: Path) -> None:
    job = JobSpec("job.1", tmp_path, ("kernel",), ranks=3, threads=2, launcher="srun")
    assert "--mpi" not in batch_script.render(job)
    assert " --kill-on-bad-exit=1 --mpi=pmi2 \\\n" in batch_script.render(replace(job, mpi="pmi2"))
    assert "--mpi='a b'" in batch_script.render(replace(job, mpi="a b"))


def test_under_srun_the_first_rank_to_fail_tells_the_exit_code(tmp_path: Path) -> None:
    assert run_under_srun(tmp_path, *bash("exit $((SLURM_PROCID + 2))")) == 2
    end = attempt_record.read_exit(tmp_path)
    assert end is not None
    assert end.exit_code == 2


@pytest.mark.parametrize("planted", ["", "x", "-1", "0", "999999999999", "\x00", "folder"])
def test_a_first_failure_that_is_no_exit_code_changes_nothing(tmp_path: Path, planted: str) -> None:
    if planted == "folder":
        (tmp_path / batch_script.FIRST_FAILURE).mkdir()
    else:
        (tmp_path / batch_script.FIRST_FAILURE).write_text(planted)
    code = run(spec(tmp_path, *bash("exit 3")))
    assert code != 0
    end = attempt_record.read_exit(tmp_path) if planted != "999999999999" else None
    assert end is None or end.exit_code == 3


def test_under_srun_no_shell_writes_about_a_killed_rank(tmp_path: Path) -> None:
    assert run_under_srun(tmp_path, *bash("echo own >&2; kill -KILL $$")) == 137
    assert (tmp_path / batch_script.STDERR).read_text() == "own\nown\n"


def test_under_srun_a_signalled_rank_tells_nothing(tmp_path: Path) -> None:
    assert run_under_srun(tmp_path, *bash("kill -TERM $PPID; sleep 0.2")) == 143


def test_no_srun(tmp_path: Path) -> None:
    job = JobSpec("job.1", tmp_path, ("kernel",), ranks=1, threads=1, launcher="srun")
    assert run(job, {"PATH": "/usr/bin:/bin"}) == 127
    assert "srun" in (tmp_path / batch_script.STDERR).read_text()
