"""The group of ranks of one job: number, share of the work, and scratch files on the shared filesystem.

A scratch file is renamed to its final name after it is written and closed, so a file that exists is
complete. The file `failed` stops every rank.
"""

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpc_kernels.arrays import Array
from hpc_kernels.errors import BadInputError, StoppedError
from hpc_kernels.files import open_atomically
from hpc_kernels.launch import detect_launch

_FIRST_PAUSE_S = 0.001
_LONGEST_PAUSE_S = 0.25


def range_block(whole: range, block: int, blocks: int) -> range:
    """Return part number `block` of `blocks` consecutive parts of a range, equal in length to within one."""
    return whole[len(whole) * block // blocks : len(whole) * (block + 1) // blocks]


@dataclass(frozen=True)
class Ranks:
    """The rank of this process, the number of ranks, and their scratch folder."""

    rank: int
    size: int
    folder: Path

    def share(self, total: int, rank: int | None = None) -> range:
        """Return the contiguous share of `total` signals of a rank (by default this one)."""
        r = self.rank if rank is None else rank
        return range_block(range(total), r, self.size)

    def path(self, name: str) -> Path:
        """Return the path of the scratch file `name`."""
        return self.folder / name

    def wait_for(self, name: str) -> Path:
        """Wait for the scratch file `name` and return its path.

        Raises
        ------
        StoppedError
            If another rank has failed.
        """
        path, pause = self.path(name), _FIRST_PAUSE_S
        while not path.exists():
            self.stop_if_failed()
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE_S)
        return path

    def stop_if_failed(self) -> None:
        """Raise `StoppedError` if a rank has recorded its failure."""
        if self.size > 1:
            try:
                code = int(self.path("failed").read_text())
            except FileNotFoundError:
                return
            raise StoppedError(code)

    def fail(self, exit_code: int) -> bool:
        """Record the failure of this rank; return whether it is the first one, which prints its error."""
        if self.size == 1:
            return True
        self.folder.mkdir(parents=True, exist_ok=True)
        mine = self.path(f"failed.{self.rank}")
        mine.write_text(str(exit_code))
        try:
            os.link(mine, self.path("failed"))  # a link is atomic, and only one rank can make it
        except FileExistsError:
            return False
        return True

    def put(self, name: str, array: Array) -> None:
        """Write an array for the other ranks as the scratch file `name`."""
        self.stop_if_failed()
        with open_atomically(self.path(name), durable=False) as file:
            np.save(file, array)

    def gather(self, name: str, mine: Array) -> list[Array]:
        """Write `mine` as ``name.<rank>`` and return the arrays of all ranks in the order of the ranks."""
        if self.size > 1:
            self.put(f"{name}.{self.rank}", mine)
        return self.collect(name, mine)

    def collect(self, name: str, mine: Array) -> list[Array]:
        """Return the arrays ``name.<rank>`` in the order of the ranks; `mine` is that of this rank."""
        paths = [None if r == self.rank else self.wait_for(f"{name}.{r}") for r in range(self.size)]
        return [mine if path is None else np.load(path, mmap_mode="r") for path in paths]

    def create_mapped(self, shape: tuple[int, int], kind: str) -> Array:
        """Return an array in an unlinked, memory-mapped file, so that it may be larger than the memory."""
        self.folder.mkdir(parents=True, exist_ok=True)
        _check_space(self.folder, int(np.prod(shape, dtype=object)) * np.dtype(kind).itemsize)
        path = self.path(f"mapped.{self.rank}")
        array: Array = np.memmap(path, kind, "w+", shape=shape)
        path.unlink()
        return array

    def remove_scratch(self) -> None:
        """Remove the scratch folder, once no rank needs it any more."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _check_space(folder: Path, needed: int) -> None:
    """Raise `BadInputError` if the folder has no room for a mapped file: writes to it would be fatal."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise BadInputError(
            f"the signals take {needed:,} bytes of scratch space beside the results, where {free:,} are free;"
            " use a smaller table, or make room"
        )


SINGLE_RANK = Ranks(rank=0, size=1, folder=Path())


def detect_ranks(output_dir: Path) -> Ranks:
    """Return the ranks of this job; without a launcher this process is the only one."""
    launch = detect_launch()
    folder = output_dir / ".".join([".parts", *launch.run])  # an earlier run may have left its folder
    return Ranks(launch.rank, launch.size, folder)
