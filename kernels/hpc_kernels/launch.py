"""Who started this process as one of several, Slurm or an MPI launcher, as the environment tells it."""

import os
from dataclasses import dataclass
from pathlib import Path

# How MPI's own launchers (mpiexec, mpirun) and `srun --mpi=pmi2` name a rank, the number of ranks, and the
# number on this node, which srun does not tell; the second row is Open MPI's.
_NAMES = (
    ("PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE"),
)
_MPI_RANKS = ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK")


@dataclass(frozen=True)
class Launch:
    """Which of how many ranks this process is; `known_by` names a variable that the starter of all lacks."""

    rank: int
    size: int
    known_by: str = ""

    @property
    def run(self) -> tuple[str, ...]:
        """What tells this run from others in the same folder: looked up, for few ask."""
        step = tuple(os.environ[name] for name in ("SLURM_JOB_ID", "SLURM_STEP_ID") if name in os.environ)
        return (*step, f"{_launcher(self.known_by)}") if self.known_by else step


def detect_launch() -> Launch:
    """Return this process's place; where nobody tells one, there is one rank.

    mpiexec within an allocation is nearer to its ranks than Slurm, which started their common parent.
    """
    for rank, size, here in _NAMES:
        if rank in os.environ and int(os.environ.get(size, "1")) > 1:
            one_node = os.environ.get(here) == os.environ[size]
            return Launch(int(os.environ[rank]), int(os.environ[size]), rank if one_node else "")
    if "SLURM_PROCID" in os.environ:
        return Launch(int(os.environ["SLURM_PROCID"]), int(os.environ.get("SLURM_NTASKS", "1")))
    return Launch(0, 1)


def has_mpi_launcher() -> bool:
    """Tell whether whoever started this process offers to connect it with others through MPI."""
    return any(name in os.environ for name in _MPI_RANKS)


def has_mpiexec() -> bool:
    """Tell whether that is a launcher of MPI's own, which srun is not."""
    return any(here in os.environ for _, _, here in _NAMES)


def _launcher(rank: str) -> int:
    """Return the process that started all ranks of this node: the nearest ancestor that is none."""
    pid = os.getppid()
    while _knows(pid, rank):  # a shell around the rank
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return pid


def _knows(pid: int, name: str) -> bool:
    try:
        return f"{name}=".encode() in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:  # somebody else's process, so no rank of ours
        return False
