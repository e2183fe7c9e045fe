"""Files that appear whole or not at all: written beside their place, flushed, then renamed."""

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
def open_atomically(path: Path, *, lasting: bool = True) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path` that is renamed onto it at the end: if `lasting`, once on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(path)
    try:
        with temporary.open("wb") as file:
            yield file
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)
    if lasting:
        _flush_folder(path.parent)


class HashingWriter:
    """A file being written whose SHA-256 grows along, block by block, while they are in the cache."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sha = hashlib.sha256()

    def write(self, block: Buffer) -> None:
        """Write a block of bytes."""
        self._sha.update(block)
        self._file.write(block)

    @property
    def sha256(self) -> str:
        """The SHA-256 of what was written so far, in hexadecimal."""
        return self._sha.hexdigest()


def write_json(path: Path, document: Any) -> None:
    """Write `document` to `path`, whole."""
    with open_atomically(path) as file:
        file.write(json.dumps(document, indent=1).encode() + b"\n")


def publish(source: Path, path: Path) -> None:
    """Make `path` the same bytes as `source` in one step: a hard link where possible, else a copy."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(path)
    try:
        try:
            os.link(source, temporary)
        except OSError:  # another filesystem, or one without links
            _copy(source, temporary)
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)  # also when both were already one file: then rename does nothing
    _flush_folder(path.parent)


def describe_output(service: str, path: Path, sha256: str = "") -> OutputEntry:
    """Return what the list of outputs says about a result; its SHA-256 may be known already."""
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
