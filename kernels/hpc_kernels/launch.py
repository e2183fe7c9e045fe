"""The launcher of this process (Slurm, mpiexec or none) and its rank, read from the environment."""

import os
from dataclasses import dataclass
from pathlib import Path

# Variables of MPI's launchers (mpiexec, mpirun) and of `srun --mpi=pmi2` for the rank, the number of ranks
# and the number of ranks on this node (srun sets none); the second row is Open MPI's.
_NAMES = (
    ("PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE"),
)
_MPI_RANKS = ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK")


@dataclass(frozen=True)
class Launch:
    """The rank of this process and the number of ranks.

    `rank_variable` names a variable that only the ranks have, if all of them run on one node.
    """

    rank: int
    size: int
    rank_variable: str = ""

    @property
    def run(self) -> tuple[str, ...]:
        """The identifier of this run among the runs in one folder: job, step, launcher process."""
        step = tuple(os.environ[name] for name in ("SLURM_JOB_ID", "SLURM_STEP_ID") if name in os.environ)
        return (*step, f"{_launcher(self.rank_variable)}") if self.rank_variable else step


def detect_launch() -> Launch:
    """Return the launch of this process; without a launcher it is the only rank.

    The variables of mpiexec come before those of Slurm: in an allocation, Slurm starts mpiexec and mpiexec
    starts the ranks.
    """
    for rank, size, here in _NAMES:
        if rank in os.environ and int(os.environ.get(size, "1")) > 1:
            one_node = os.environ.get(here) == os.environ[size]
            return Launch(int(os.environ[rank]), int(os.environ[size]), rank if one_node else "")
    if "SLURM_PROCID" in os.environ:
        return Launch(int(os.environ["SLURM_PROCID"]), int(os.environ.get("SLURM_NTASKS", "1")))
    return Launch(0, 1)


def has_mpi_launcher() -> bool:
    """Return whether the launcher of this process offers to connect its ranks through MPI."""
    return any(name in os.environ for name in _MPI_RANKS)


def has_mpiexec() -> bool:
    """Return whether the launcher is mpiexec or mpirun."""
    return any(here in os.environ for _, _, here in _NAMES)


def _launcher(rank: str) -> int:
    """Return the process that started all ranks of this node: the nearest ancestor that is not a rank."""
    pid = os.getppid()
    while _has_variable(pid, rank):  # a shell around the rank
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return pid


def _has_variable(pid: int, name: str) -> bool:
    try:
        return f"{name}=".encode() in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:  # a process of another user is no rank of this job
        return False
