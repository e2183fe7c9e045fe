"""The spool of the local scheduler: one file per queued job, and one lock for all of them."""

import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from gateway.errors import Invalid, SchedulerUnavailable
from gateway.schedulers.arrays import member_id, split_name
from gateway.schedulers.base import JobReport

LOCK_WAIT_S = 30.0
_LOCK_POLL_S = 0.005
# The name of a job becomes part of a file name.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}(\[[0-9]+\])?", re.ASCII)


@dataclass(frozen=True)
class SpoolEntry:
    """One job of the queue. `end` is its report once it has ended, seen at `end_seen_at` (epoch).

    `launches` counts the launches without a start. A member of an array has the number of the first one in
    `array`.
    """

    number: int
    name: str
    folder: Path
    cpus: int
    end: JobReport | None = None
    end_seen_at: float = 0.0
    launches: int = 0
    array: int = 0

    @property
    def index(self) -> int | None:
        """The index in its array; None for a job that is no member."""
        return split_name(self.name)[1]

    @property
    def scheduler_id(self) -> str:
        """The id under which the job is reported."""
        return str(self.number) if self.index is None else member_id(str(self.array), self.index)


_ENTRY = TypeAdapter(SpoolEntry)


class Spool:
    """The entries, in the order of their numbers. Every method but `lock` needs the lock."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._jobs = folder / "jobs"
        self._last_number = folder / "last_number"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock of the spool; the kernel releases it when its holder dies."""
        try:
            self._jobs.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                _acquire(file)
                yield
            finally:
                os.close(file)
        except OSError as error:
            raise SchedulerUnavailable(
                f"the local scheduler cannot use its files: {error.strerror}: {error.filename}"
            ) from error

    def numbers(self) -> dict[str, int]:
        """Return the numbers of the jobs by their names."""
        return {name: number for number, name, _ in self._files()}

    def entries(self) -> list[SpoolEntry]:
        """Return all jobs in the order of their submission."""
        return [_ENTRY.validate_json(path.read_bytes()) for _, _, path in self._files()]

    def entry(self, number: int) -> SpoolEntry | None:
        """Return the job of this number, or None."""
        paths = (path for known, _, path in self._files() if known == number)
        return next((_ENTRY.validate_json(path.read_bytes()) for path in paths), None)

    def add(self, name: str, folder: Path, cpus: int, array: int | None = None) -> SpoolEntry:
        """Append a job; `array` is 0 for the first member of one.

        A crash within the call may waste a number but loses no job.
        """
        if not _NAME.fullmatch(name):
            raise Invalid("letters, digits, '.', '_' and '-', at most 200", field="name of the job")
        number = 1 + (int(self._last_number.read_text()) if self._last_number.exists() else 0)
        write_atomically(self._last_number, str(number))
        entry = SpoolEntry(number, name, folder, cpus, array=number if array == 0 else array or 0)
        self.replace(entry)
        return entry

    def replace(self, entry: SpoolEntry) -> None:
        """Write the current entry of a job."""
        write_atomically(self._path(entry), _ENTRY.dump_json(entry).decode())

    def remove(self, entry: SpoolEntry) -> None:
        """Remove a job from the queue."""
        self._path(entry).unlink(missing_ok=True)

    def _path(self, entry: SpoolEntry) -> Path:
        return self._jobs / f"{entry.number:09d}.{entry.name}.json"

    def _files(self) -> list[tuple[int, str, Path]]:
        found = []
        for path in sorted(self._jobs.glob("*.json")):
            number, _, name = path.stem.partition(".")
            found.append((int(number), name, path))
        return found


def write_atomically(path: Path, text: str) -> None:
    """Write a file that is complete or absent, even after a power cut. Concurrent writers need a lock."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with new.open("x", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _acquire(file: int) -> None:
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise SchedulerUnavailable(
                    "the local scheduler's queue has been locked for too long by another process"
                ) from None
            time.sleep(_LOCK_POLL_S)
        else:
            return
