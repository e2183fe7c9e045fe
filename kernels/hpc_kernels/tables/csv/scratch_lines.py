"""Lines that wait to be read again: in memory while they are few, else in an unlinked scratch file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, cast
from weakref import finalize

from hpc_kernels.files import Buffer

_KEPT_BYTES = 1 << 22


class ScratchLines:
    """Lines in the order of their writing; their file is closed with the last reference."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        file = SpooledTemporaryFile(_KEPT_BYTES, dir=str(folder))  # noqa: SIM115 (closed with this object)
        self._file = cast("IO[bytes]", file)
        finalize(self, self._file.close)

    def write(self, lines: Buffer) -> None:
        """Append lines."""
        self._file.write(lines)

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open the lines from the first one on."""
        self._file.seek(0)
        yield self._file
