"""Filesystems that really refuse: full, over a quota, read-only, unable to reserve. Root makes them."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from shutil import disk_usage, which

from tests.conftest import absent

Mounting = Callable[[Path, int], AbstractContextManager[None]]
_BIN = "/usr/sbin:/usr/bin:/sbin:/bin"
_IMAGE_BYTES = 64 << 20


@contextmanager
def full_disk(place: Path, room_bytes: int) -> Iterator[None]:
    """Mount a filesystem in memory that has so much space and no more."""
    with _mounted(place, "-t", "tmpfs", "-o", f"size={room_bytes}", "none"):
        yield


@contextmanager
def read_only(place: Path) -> Iterator[None]:
    """Mount a filesystem that nobody may write to."""
    with _mounted(place, "-t", "tmpfs", "-o", "ro,size=1m", "none"):
        yield


@contextmanager
def with_quota(place: Path, room_bytes: int) -> Iterator[None]:
    """Mount a filesystem that may hold so much, although much more is free on it.

    Of the quotas that Linux knows, those of Btrfs need nothing of the kernel but Btrfs itself, and they
    bind root as well; users' quotas of ext4, XFS and tmpfs are often not built in (docs/testing.md).
    """
    with _image(place, _IMAGE_BYTES, "mkfs.btrfs", "-q", "--mixed"):
        _run("btrfs", "quota", "enable", str(place))
        _run("btrfs", "qgroup", "limit", str(room_bytes), "0/5", str(place))
        yield


@contextmanager
def without_reservation(place: Path, room_bytes: int) -> Iterator[None]:
    """Mount a filesystem that knows no fallocate, so that it is full only when the bytes arrive."""
    with _image(place, room_bytes, "mkfs.ext4", "-q", "-F", "-O", "^extents,^64bit,^has_journal"):
        (place / "lost+found").rmdir()
        yield


@contextmanager
def large_and_nearly_full(place: Path, room_bytes: int) -> Iterator[None]:
    """Mount a filesystem of 64 GiB with so much room: one file has the rest, and no byte was written."""
    with _image(place, 64 << 30, "mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal"):
        with (place / "others").open("wb") as others:
            os.posix_fallocate(others.fileno(), 0, disk_usage(place).free - room_bytes)
        yield


@contextmanager
def _image(place: Path, size_bytes: int, *mkfs: str) -> Iterator[None]:
    image = place.with_suffix(".image")
    image.touch()
    os.truncate(image, size_bytes)
    _run(*mkfs, str(image))
    with _mounted(place, "-o", "loop", str(image)):
        yield


@contextmanager
def _mounted(place: Path, *what: str) -> Iterator[None]:
    place.mkdir(exist_ok=True)
    _run("mount", *what, str(place))
    try:
        yield
    finally:
        _run("umount", str(place))


def _run(name: str, *arguments: str) -> None:
    """Run a program of the system as root, or skip the test where there is none, or no right to mount."""
    program = which(name, path=_BIN)
    if os.geteuid() or program is None:
        absent(f"{name}, run by root,")
    elif subprocess.run([program, *arguments], check=False, stdout=subprocess.DEVNULL).returncode:
        absent(f"a right to {name}")
