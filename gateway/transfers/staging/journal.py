"""The journal of a download: lines beside the file that record its finished parts and outlive the worker.

The first line names version, size and part size; every further line names a part that was on the disk before
the line was written. A line that a crash cut short lacks its last word and does not count.
"""

import json
import threading
import time
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from gateway.errors import FilesystemError
from gateway.filesystems.files import PartialFile
from gateway.storage.remote import RemoteInfo
from gateway.transfers.staging.intervals import Intervals
from gateway.transfers.staging.part_queue import PartQueue

PERIOD_S = 1.0
_DONE = " done"
_MOST_DIGITS = 19  # of 64 bits
_Bytes = Annotated[int, Field(ge=0, lt=2**63)]
_HEADER = TypeAdapter(tuple[str, _Bytes, _Bytes])


class Journal:
    """The journal of one partial file."""

    def __init__(self, incoming: PartialFile, info: RemoteInfo, part_bytes: int, parts: PartQueue) -> None:
        self._incoming, self._parts = incoming, parts
        self._header = json.dumps([info.version, info.size, part_bytes]) + "\n"
        self._recorded = Intervals()
        self._thread: threading.Thread | None = None
        self._next = time.monotonic() + PERIOD_S
        self._usable = parts.count > 1 and bool(info.version)

    def resume(self) -> None:
        """Mark the parts of an earlier try as finished, or empty the file."""
        if not self._incoming.size:
            return
        text = self._incoming.notes() if self._usable else ""
        if not text.startswith(self._header):
            self._incoming.restart()
            return
        self._incoming.note("\n")  # ends a line that was cut short
        for number in _numbers(text[len(self._header) :]):
            self._recorded.add(number, number + 1)
            self._parts.finish_earlier(number)

    def keep(self) -> None:
        """Record the finished parts, once a second at most and in another thread."""
        if not self._usable or time.monotonic() < self._next or (self._thread and self._thread.is_alive()):
            return
        self._next = time.monotonic() + PERIOD_S
        if new := self._find_new():
            self._thread = threading.Thread(target=self._write, args=(new,), daemon=True)
            self._thread.start()

    def _find_new(self) -> list[int]:
        done = self._parts.numbers_done()
        return [n for each in done for gap in self._recorded.gaps(each.start, each.stop) for n in gap]

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
            for number in numbers:
                self._recorded.add(number, number + 1)
        except FilesystemError:  # the bytes meet the same error; without a journal only time is lost
            self._usable = False


def whole_until(notes: str) -> int:
    """Return how many bytes from the start on are on the disk, as the notes tell, which are hostile input."""
    header, _, rest = notes.partition("\n")
    try:
        _version, size, part_bytes = _HEADER.validate_json(header, strict=True)
    except ValidationError:
        return 0
    done = Intervals()
    for number in _numbers(rest):
        done.add(number, number + 1)
    return min(size, (done.skip(1) - 1) * part_bytes)


def _numbers(text: str) -> Iterator[int]:
    lines = (line.removesuffix(_DONE) for line in text.splitlines() if line.endswith(_DONE))
    return (int(number) for number in lines if number.isdecimal() and len(number) <= _MOST_DIGITS)
