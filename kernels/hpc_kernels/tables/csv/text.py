"""The text of a CSV table: the file, or that of a compressed or UTF-16 one, decoded once for all ranks."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hpc_kernels.ranks.group import SINGLE_RANK, Ranks
from hpc_kernels.tables.csv.source import TextSource, coding_of, decode_to, open_file, unpack
from hpc_kernels.tables.granted_memory import granted_bytes

KEPT_TEXT = 1 << 27  # bytes of decompressed text that a single rank keeps in memory at most
_PART_OF_GRANT = 4


class TableText:
    """The text of the table at `path`.

    A single rank keeps decompressed text in memory while it is short, else in an unlinked scratch file. Of
    several ranks the first one writes it to a scratch file, which all read.
    """

    def __init__(self, path: Path, ranks: Ranks = SINGLE_RANK) -> None:
        self.path = path
        self._ranks = ranks
        self._kept: TextSource | None = None
        self._written = False

    @property
    def folder(self) -> Path:
        """The folder for scratch files."""
        return self._ranks.folder

    @contextmanager
    def open(self) -> Iterator[TextSource]:
        """Open the text for reading."""
        coded = coding_of(self.path) is not None
        if coded and self._ranks.size == 1:
            yield self._unpacked()
        else:
            with open_file(self._shared() if coded else self.path, self.path.name) as source:
                yield source

    def release(self) -> None:
        """Give back the memory of the decompressed text; a later reader decompresses it again."""
        self._kept = None

    def _unpacked(self) -> TextSource:
        if self._kept is None:
            keep = min(KEPT_TEXT, granted_bytes() // _PART_OF_GRANT)
            self._kept = unpack(self.path, self._ranks.folder, keep)
        return self._kept

    def _shared(self) -> Path:
        """Return the scratch file with the text that rank 0 has decompressed."""
        if self._ranks.rank == 0 and not self._written:  # also over the file of an attempt that was killed
            decode_to(self.path, self._ranks.path("text"))
            self._written = True
        return self._ranks.wait_for("text")
