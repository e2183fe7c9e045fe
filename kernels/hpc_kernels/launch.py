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
    """Which of how many ranks this process is, and what tells this run from others in the same folder."""

    rank: int
    size: int
    run: tuple[str, ...]


def launched() -> Launch:
    """Return this process's place; where nobody tells one, there is one rank.

    mpiexec within an allocation is nearer to its ranks than Slurm, which started their common parent.
    """
    step = tuple(os.environ[name] for name in ("SLURM_JOB_ID", "SLURM_STEP_ID") if name in os.environ)
    for rank, size, here in _NAMES:
        if rank in os.environ and int(os.environ.get(size, "1")) > 1:
            alone = os.environ.get(here) == os.environ[size]
            run = (*step, f"{_launcher(rank)}") if alone else step
            return Launch(int(os.environ[rank]), int(os.environ[size]), run)
    if "SLURM_PROCID" in os.environ:
        return Launch(int(os.environ["SLURM_PROCID"]), int(os.environ.get("SLURM_NTASKS", "1")), step)
    return Launch(0, 1, step)


def by_mpi() -> bool:
    """Tell whether whoever started this process offers to connect it with others through MPI."""
    return any(name in os.environ for name in _MPI_RANKS)


def by_mpiexec() -> bool:
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
