"""The journal of a download: lines beside the file that record its finished parts and outlive the worker.

The first line names version, size and part size; every further line names a part that was on the disk before
the line was written. A line that a crash cut short lacks its last word and does not count.
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
    """The journal of one partial file."""

    def __init__(
        self, incoming: PartialFile, info: RemoteInfo, part_bytes: int, parts: Sequence[Part]
    ) -> None:
        self._incoming, self._parts = incoming, parts
        self._header = json.dumps([info.version, info.size, part_bytes]) + "\n"
        self._size, self._part_bytes = info.size, part_bytes
        self._recorded: set[int] = set()
        self._thread: threading.Thread | None = None
        self._next = time.monotonic() + PERIOD_S
        self._usable = len(parts) > 1 and bool(info.version)

    def resume(self) -> None:
        """Mark the parts of an earlier try as finished, or empty the file."""
        if not self._incoming.size:
            return
        text = self._incoming.notes() if self._usable else ""
        if not text.startswith(self._header):
            self._incoming.restart()
            return
        self._incoming.note("\n")  # ends a line that was cut short
        self._recorded = _numbers(text[len(self._header) :])
        for part in self._parts:
            if part.number in self._recorded and part.stop is not None:
                part.done, part.finished = part.stop - part.start, True

    def keep(self) -> None:
        """Record the finished parts, once a second at most and in another thread."""
        if not self._usable or time.monotonic() < self._next or (self._thread and self._thread.is_alive()):
            return
        self._next = time.monotonic() + PERIOD_S
        if new := self._find_new():
            self._thread = threading.Thread(target=self._write, args=(new,), daemon=True)
            self._thread.start()

    def _find_new(self) -> list[int]:
        return [
            number for part in self._parts for number in self._whole(part) if number not in self._recorded
        ]

    def _whole(self, part: Part) -> range:
        """Return the numbers of the whole parts: one that has taken over others counts as several."""
        if not part.done:
            return range(0)
        end = part.start + part.done
        whole = end // self._part_bytes + (end == self._size and end % self._part_bytes > 0)
        return range(part.number, whole + 1)

    def close(self, *, goes_on: bool = False) -> None:
        """Wait for the thread; where another try goes on, record all finished parts."""
        if self._thread:
            self._thread.join()
        if goes_on and self._usable and (new := self._find_new()):
            self._write(new)

    def _write(self, numbers: list[int]) -> None:
        lines = "".join(f"{number}{_DONE}\n" for number in numbers)
        try:
            self._incoming.sync()
            self._incoming.note(lines if self._recorded else self._header + lines)
            self._recorded.update(numbers)
        except FilesystemError:  # the bytes meet the same error; without a journal only time is lost
            self._usable = False


def _numbers(text: str) -> set[int]:
    lines = (line.removesuffix(_DONE) for line in text.splitlines() if line.endswith(_DONE))
    return {int(number) for number in lines if number.isdigit()}
