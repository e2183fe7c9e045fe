"""The memory that a rank may use: the setting, Slurm, control groups, RLIMIT_DATA, the free memory."""

import json
import subprocess
import sys
from pathlib import Path
from shutil import which

import numpy as np
import pytest

from hpc_kernels.errors import LACK_OF_MEMORY
from hpc_kernels.tables import granted_memory
from hpc_kernels.tables.granted_memory import granted_bytes, limits_of_cgroups
from tests.kernels.job_folder import JobFolder

FREE = 100 << 30


@pytest.fixture(autouse=True)
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HPC_KERNELS_MEMORY_BYTES", "SLURM_NTASKS", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (
        ("_free_at_start", FREE),
        ("_limit_of_cgroups", 1 << 62),
        ("_limit_of_process", 1 << 62),
    ):
        monkeypatch.setattr(granted_memory, name, lambda value=value: value)


@pytest.mark.parametrize(
    ("variables", "bytes_"),
    [
        ({}, FREE * 6 // 10),
        ({"HPC_KERNELS_MEMORY_BYTES": "12345"}, 12345),
        ({"SLURM_MEM_PER_NODE": "1000"}, (1000 << 20) * 6 // 10),
        ({"SLURM_MEM_PER_NODE": "0"}, FREE * 6 // 10),
        ({"SLURM_MEM_PER_CPU": "100", "SLURM_CPUS_ON_NODE": "8"}, (800 << 20) * 6 // 10),
        ({"SLURM_MEM_PER_CPU": "100", "SLURM_CPUS_PER_TASK": "2"}, (200 << 20) * 6 // 10),
        ({"SLURM_MEM_PER_NODE": "1000", "SLURM_NTASKS_PER_NODE": "4"}, (250 << 20) * 6 // 10),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "2"}, FREE // 2 * 6 // 10),
    ],
)
def test_the_least_of_the_grants(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], bytes_: int
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert granted_bytes() == bytes_


@pytest.mark.parametrize(
    ("lines", "limits", "least"),
    [
        ("0::/a/b\n", {"v2/a/memory.max": "1000", "v2/a/b/memory.max": "max"}, 1000),
        ("0::/../x\n", {"v2/memory.max": "7"}, 7),
        ("4:memory:/a\n0::/\n", {"v1/a/memory.limit_in_bytes": "5", "v1/memory.limit_in_bytes": "9"}, 5),
        ("4:hugetlb,memory:/a\n", {"v1/a/memory.limit_in_bytes": "5"}, 5),
        (
            "0::/system.slice/slurmstepd.scope/job_7/step_0/user/task_0\n",
            {
                "v2/system.slice/slurmstepd.scope/job_7/memory.max": "90",
                "v2/system.slice/slurmstepd.scope/job_7/step_0/memory.max": "80",
                "v2/system.slice/slurmstepd.scope/job_7/step_0/user/task_0/memory.max": "max",
            },
            80,
        ),
        ("4:cpu:/a\n", {"v1/a/memory.limit_in_bytes": "5"}, None),
    ],
)
def test_limits_of_control_groups(
    tmp_path: Path, lines: str, limits: dict[str, str], least: int | None
) -> None:
    mounts = ((f"{tmp_path}/v1", "memory.limit_in_bytes"), (f"{tmp_path}/v2", "memory.max"))
    for name, text in limits.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{text}\n")
    (tmp_path / "mine").write_text(lines)
    assert min(limits_of_cgroups(tmp_path / "mine", mounts), default=None) == least


def limited(
    jobs: JobFolder, table: Path, data_bytes: int, service: str
) -> "subprocess.CompletedProcess[str]":
    command = [which("prlimit") or "", f"--data={data_bytes}", sys.executable, "-m", "hpc_kernels", "run"]
    job = jobs.job_file(table, {service: {}}, csv_output=False)
    return subprocess.run([*command, str(job)], check=False, capture_output=True, text=True)


def test_a_table_larger_than_the_limit_of_the_process_is_read_in_blocks(jobs: JobFolder) -> None:
    table = jobs.root / "x.npy"
    np.save(table, np.random.default_rng(0).standard_normal((20_000, 2_000)))  # 320 MB
    done = limited(jobs, table, 250 << 20, "min_max")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["signals"] == 2_000


def test_a_rank_without_memory_ends_with_one_line(jobs: JobFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPC_KERNELS_MEMORY_BYTES", str(1 << 40))  # more than there is
    table = jobs.root / "x.npy"
    np.save(table, np.zeros((20_000, 2_000)))
    failed = limited(jobs, table, 250 << 20, "min_max")
    assert failed.returncode == LACK_OF_MEMORY
    expected = "x.npy: the job needs more memory than this rank may use (Unable to allocate"
    assert failed.stderr.startswith(expected), failed.stderr
    assert failed.stderr.endswith("request more with resources.memory_bytes, or use more ranks\n")
    assert failed.stderr.count("\n") == 1
