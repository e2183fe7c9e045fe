"""Rank, number of ranks and launcher, read from the environment."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hpc_kernels.launch import detect_launch, has_mpi_launcher, has_mpiexec
from hpc_kernels.ranks.group import detect_ranks

SRUN = {"SLURM_JOB_ID": "7", "SLURM_STEP_ID": "1", "SLURM_PROCID": "2", "SLURM_NTASKS": "4"}
PMI2 = SRUN | {"PMI_RANK": "2", "PMI_SIZE": "4", "PMI_JOBID": "7.1"}
PMIX = SRUN | {"PMIX_RANK": "2"}
HYDRA = {"PMI_RANK": "1", "PMI_SIZE": "3", "MPI_LOCALNRANKS": "2", "MPI_LOCALRANKID": "1"}
OPEN_MPI = {
    "OMPI_COMM_WORLD_RANK": "1",
    "OMPI_COMM_WORLD_SIZE": "3",
    "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
    "PMIX_RANK": "1",
}


@pytest.mark.parametrize(
    ("environment", "place", "mpi", "mpiexec"),
    [
        ({}, (0, 1, ()), False, False),
        ({"SLURM_JOB_ID": "7", "SLURM_NTASKS": "4"}, (0, 1, ("7",)), False, False),  # a batch script's shell
        (SRUN, (2, 4, ("7", "1")), False, False),
        (PMI2, (2, 4, ("7", "1")), True, False),
        (PMIX, (2, 4, ("7", "1")), True, False),
        (HYDRA, (1, 3, ()), True, True),
        (OPEN_MPI, (1, 3, ()), True, True),
        # mpiexec within an allocation started its helper by srun
        (SRUN | {"SLURM_NTASKS": "1", "SLURM_PROCID": "0"} | HYDRA, (1, 3, ("7", "1")), True, True),
        # mpiexec of one process says nothing about the others
        (SRUN | HYDRA | {"PMI_RANK": "0", "PMI_SIZE": "1"}, (2, 4, ("7", "1")), True, True),
    ],
)
def test_places(
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    place: tuple[int, int, tuple[str, ...]],
    mpi: bool,  # noqa: FBT001
    mpiexec: bool,  # noqa: FBT001
) -> None:
    for name in [name for name in os.environ if name.startswith(("SLURM", "PMI", "OMPI", "MPI"))]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = detect_launch()
    assert (found.rank, found.size, found.run) == place
    assert (has_mpi_launcher(), has_mpiexec()) == (mpi, mpiexec)
    assert detect_ranks(Path("/x")).folder == Path("/x", ".".join([".parts", *place[2]]))


@pytest.mark.parametrize("shell", [(), ("/bin/bash", "-c", '"$@"; exit "$?"', "bash")])
def test_ranks_of_one_node_meet_where_no_other_run_has_been(shell: tuple[str, ...]) -> None:
    """The folder carries the number of the process that started them all, also through a shell."""
    environment = {**HYDRA, "MPI_LOCALNRANKS": "3", "PATH": os.environ["PATH"]}
    told = subprocess.run(
        [
            *shell,
            sys.executable,
            "-c",
            "from hpc_kernels.launch import detect_launch; print(detect_launch().run)",
        ],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert told == f"('{os.getpid()}',)\n"
