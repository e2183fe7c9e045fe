"""Which parts of a file are on the cluster's disk: a few lines beside it that outlive the worker.

The first line says of what the parts are; every further one names a part whose bytes were synced before
the line was written. A line that a crash cut short lacks its last word and counts for nothing.
"""

import json
import threading
import time
from collections.abc import Sequence

from gateway.errors import FilesystemError
from gateway.filesystems.files import PartialFile
from gateway.storage.remote import RemoteInfo
from gateway.transfers.staging.parts import Part

PERIOD_S = 1.0
_DONE = " done"


class Journal:
    """The journal of one file on its way in."""

    def __init__(
        self, incoming: PartialFile, info: RemoteInfo, part_bytes: int, parts: Sequence[Part]
    ) -> None:
        self._incoming, self._parts = incoming, parts
        self._header = json.dumps([info.version, info.size, part_bytes]) + "\n"
        self._size, self._part_bytes = info.size, part_bytes
        self._kept: set[int] = set()
        self._thread: threading.Thread | None = None
        self._next = time.monotonic() + PERIOD_S
        self._usable = len(parts) > 1 and bool(info.version)

    def resume(self) -> None:
        """Mark the parts that an earlier attempt has left here as finished, or start from nothing."""
        if not self._incoming.size:
            return
        text = self._incoming.notes() if self._usable else ""
        if not text.startswith(self._header):
            self._incoming.restart()
            return
        self._incoming.note("\n")  # ends a line that was cut short
        self._kept = _numbers(text[len(self._header) :])
        for part in self._parts:
            if part.number in self._kept and part.stop is not None:
                part.done, part.finished = part.stop - part.start, True

    def keep(self) -> None:
        """Write down, once in a while and in another thread, what is finished."""
        if not self._usable or time.monotonic() < self._next or (self._thread and self._thread.is_alive()):
            return
        self._next = time.monotonic() + PERIOD_S
        if new := self._unnoted():
            self._thread = threading.Thread(target=self._write, args=(new,), daemon=True)
            self._thread.start()

    def _unnoted(self) -> list[int]:
        return [number for part in self._parts for number in self._whole(part) if number not in self._kept]

    def _whole(self, part: Part) -> range:
        """Return the numbers of what is whole: a part that has taken others over is noted piece by piece."""
        if not part.done:
            return range(0)
        end = part.start + part.done
        whole = end // self._part_bytes + (end == self._size and end % self._part_bytes > 0)
        return range(part.number, whole + 1)

    def close(self, *, goes_on: bool = False) -> None:
        """Wait for what is being written down; where another try goes on, all that is finished is."""
        if self._thread:
            self._thread.join()
        if goes_on and self._usable and (new := self._unnoted()):
            self._write(new)

    def _write(self, numbers: list[int]) -> None:
        lines = "".join(f"{number}{_DONE}\n" for number in numbers)
        try:
            self._incoming.sync()
            self._incoming.note(lines if self._kept else self._header + lines)
            self._kept.update(numbers)
        except (
            FilesystemError
        ):  # who writes the bytes hears of it too; without a journal nothing is lost but time
            self._usable = False


def _numbers(text: str) -> set[int]:
    lines = (line.removesuffix(_DONE) for line in text.splitlines() if line.endswith(_DONE))
    return {int(number) for number in lines if number.isdigit()}
