"""The file that a judge reads: of a shared filesystem itself, of one behind SFTP a copy of its beginning."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gateway.filesystems.files import SourceFile
from gateway.filesystems.shared_files import SharedSource

HEAD_BYTES = 65 << 20  # more than the beginning that a judge reads first
_PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class JudgedFile:
    """A file on this machine, and whether it has all the bytes of the table."""

    fd: int
    is_whole: bool


@contextmanager
def open_judged(source: SourceFile) -> Iterator[JudgedFile]:
    """Open the table, or a copy of its beginning that is removed at the end."""
    if isinstance(source, SharedSource):
        yield JudgedFile(source.fd, is_whole=True)
        return
    with tempfile.TemporaryFile() as head:
        for start in range(0, min(source.size, HEAD_BYTES), _PIECE_BYTES):
            head.write(source.read_at(start, min(_PIECE_BYTES, HEAD_BYTES - start)))
        head.flush()
        head.seek(0)
        yield JudgedFile(head.fileno(), is_whole=source.size <= HEAD_BYTES)
