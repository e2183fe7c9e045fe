"""The ranks of one job: who this one is, and how they meet through files on the shared filesystem.

A file that appears under its final name is complete: it was written under another name, closed
and renamed. So parts are their own markers, and one file called `failed` stops every rank.
"""

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpc_kernels.arrays import Array
from hpc_kernels.errors import StoppedError
from hpc_kernels.files import open_atomically
from hpc_kernels.launch import detect_launch

_FIRST_PAUSE_S = 0.001
_LONGEST_PAUSE_S = 0.25


def range_block(whole: range, block: int, blocks: int) -> range:
    """Return one of `blocks` neighbouring parts of a range, as equal as can be."""
    return whole[len(whole) * block // blocks : len(whole) * (block + 1) // blocks]


@dataclass(frozen=True)
class Ranks:
    """Which of the ranks a process is, and the folder where they meet."""

    rank: int
    size: int
    folder: Path

    def share(self, total: int, rank: int | None = None) -> range:
        """Return the contiguous block of `total` signals that belongs to a rank (this one by default)."""
        r = self.rank if rank is None else rank
        return range_block(range(total), r, self.size)

    def path(self, name: str) -> Path:
        """Return the place of the scratch file `name`."""
        return self.folder / name

    def wait_for(self, name: str) -> Path:
        """Return the scratch file `name` once it is there; stop when another rank has failed."""
        path, pause = self.path(name), _FIRST_PAUSE_S
        while not path.exists():
            self.stop_if_failed()
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE_S)
        return path

    def stop_if_failed(self) -> None:
        """Raise `StoppedError` when some rank has left its failure."""
        if self.size > 1:
            try:
                code = int(self.path("failed").read_text())
            except FileNotFoundError:
                return
            raise StoppedError(code)

    def fail(self, exit_code: int) -> bool:
        """Leave this rank's failure for the others; true if it is the first, which then speaks."""
        if self.size == 1:
            return True
        self.folder.mkdir(parents=True, exist_ok=True)
        mine = self.path(f"failed.{self.rank}")
        mine.write_text(str(exit_code))
        try:
            os.link(mine, self.path("failed"))  # a link is made whole or not at all, by one rank only
        except FileExistsError:
            return False
        return True

    def put(self, name: str, array: Array) -> None:
        """Leave an array for the other ranks under `name`."""
        self.stop_if_failed()
        with open_atomically(self.path(name), lasting=False) as file:
            np.save(file, array)

    def gather(self, name: str, mine: Array) -> list[Array]:
        """Leave `mine` under ``name.<rank>`` and return what all ranks leave so, in their order."""
        if self.size > 1:
            self.put(f"{name}.{self.rank}", mine)
        return self.collect(name, mine)

    def collect(self, name: str, mine: Array) -> list[Array]:
        """Return what all ranks leave under ``name.<rank>``, in their order; `mine` is this rank's."""
        paths = [None if r == self.rank else self.wait_for(f"{name}.{r}") for r in range(self.size)]
        return [mine if path is None else np.load(path, mmap_mode="r") for path in paths]

    def create_mapped(self, shape: tuple[int, int], kind: str) -> Array:
        """Return an array that lies in a file without a name, of which memory holds what it has room for."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.path(f"mapped.{self.rank}")
        array: Array = np.memmap(path, kind, "w+", shape=shape)
        path.unlink()
        return array

    def remove_scratch(self) -> None:
        """Remove the folder; only once no rank needs it any more."""
        shutil.rmtree(self.folder, ignore_errors=True)


SINGLE_RANK = Ranks(rank=0, size=1, folder=Path())


def detect_ranks(output_dir: Path) -> Ranks:
    """Return this process's place as its launcher tells it; without one there is one rank."""
    place = detect_launch()
    folder = output_dir / ".".join([".parts", *place.run])  # what another run may have left here is not ours
    return Ranks(place.rank, place.size, folder)
