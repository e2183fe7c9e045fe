"""Atomic files: written under a temporary name, flushed to disk and renamed; their list and checksums."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

OutputEntry = dict[str, Any]
Buffer = bytes | bytearray | memoryview
_BLOCK = 1 << 20


@contextmanager
def open_atomically(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """Open a temporary file that replaces `path` at the end; `durable` flushes file and folder to disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(path)
    try:
        with temporary.open("wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)
    if durable:
        _flush_folder(path.parent)


class HashingWriter:
    """A writer that computes the SHA-256 of a file block by block, while each block is in the CPU cache."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sha = hashlib.sha256()

    def write(self, block: Buffer) -> None:
        """Write `block` and add it to the checksum."""
        self._sha.update(block)
        self._file.write(block)

    @property
    def sha256(self) -> str:
        """The SHA-256 of all blocks so far, in hexadecimal."""
        return self._sha.hexdigest()


def write_json(path: Path, document: Any) -> None:
    """Write `document` to `path` as JSON, atomically and durably."""
    with open_atomically(path) as file:
        file.write(json.dumps(document, indent=1).encode() + b"\n")


def publish(source: Path, path: Path) -> None:
    """Replace `path` by `source` in one step, as a hard link if the filesystem allows it, else as a copy."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(path)
    try:
        try:
            os.link(source, temporary)
        except OSError:  # another filesystem, or one without links
            _copy(source, temporary)
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)  # rename does nothing if both names were links of one file
    _flush_folder(path.parent)


def describe_output(service: str, path: Path, sha256: str = "") -> OutputEntry:
    """Return the entry of a result in the list of outputs; `sha256` is computed unless it is given."""
    if not sha256:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {"service": service, "path": str(path), "bytes": path.stat().st_size, "sha256": sha256}


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.uname().nodename}.{os.getpid()}")


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as read, target.open("wb") as written:
        shutil.copyfileobj(read, written, _BLOCK)
        written.flush()
        os.fsync(written.fileno())


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
