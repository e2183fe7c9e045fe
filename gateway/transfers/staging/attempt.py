"""One try to move a file (`Attempt`): its progress, its deadline, and the resume state for the next try."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from gateway.errors import StorageUnavailable

REPORT_S = 0.1


class Progress(Protocol):
    """The observer of a try. Any call may raise Cancelled or ClaimLost to stop the try."""

    def expect(self, total_bytes: int) -> None:
        """Take note of how many bytes will be moved."""

    def advance(self, done_bytes: int) -> None:
        """Take note of how many bytes have been moved so far; called often, by one thread at a time."""


class Deadline:
    """The longest time that one try may take."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def check(self) -> None:
        """Raise StorageUnavailable when the time is over."""
        if time.monotonic() > self._end:
            raise StorageUnavailable(
                f"not finished after {self._seconds:g} s; the next try goes on with the bytes that are there"
            )


class ResumeState(Protocol):
    """The token of the files beside the destination, and the id of the upload that is under way."""

    @property
    def token(self) -> str:
        """A name that is this transfer's alone; empty when there will be no next try."""

    @property
    def upload_id(self) -> str:
        """The multipart upload that an earlier try has begun; empty when there is none."""

    @property
    def lost_since(self) -> datetime | None:
        """The earliest start of an upload with a lost id; None on the first try."""

    def keep_upload(self, upload_id: str) -> None:
        """Remember the upload before a byte of it is sent; empty to forget it."""

    def begins_again(self) -> None:
        """Take note that a next try would begin again; it may raise HandedBack."""


class NoResume:
    """The resume state of a transfer that has no next try: its leftovers are removed at its end."""

    token = ""
    lost_since = None

    def __init__(self) -> None:
        self.upload_id = ""

    def keep_upload(self, upload_id: str) -> None:
        """Remember the upload for as long as this try lasts."""
        self.upload_id = upload_id

    def begins_again(self) -> None:
        """Do nothing: there is no next try."""


class EtagRecord(Protocol):
    """The record of a bucket's ETags: whether earlier ones were MD5s, so that one that is not is an error."""

    def were_md5s(self) -> bool:
        """Return whether an ETag of this bucket was the MD5 of its object before."""

    def record_md5(self) -> None:
        """Take note that an ETag was the MD5 of its object."""


class NoEtags:
    """The record of a bucket of which nothing is known."""

    def were_md5s(self) -> bool:
        """Return False."""
        return False

    def record_md5(self) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class Attempt:
    """The circumstances of one try to move a file, the same for downloads and uploads."""

    progress: Progress
    deadline: Deadline
    resume: ResumeState
    connections: int
    least_bytes: int = 1  # fewer count as no progress
    etags: EtagRecord = field(default_factory=NoEtags)

    def reporter(
        self, count_done: Callable[[], int], besides: Callable[[], None] = lambda: None
    ) -> Callable[[], None]:
        """Return a function that checks the deadline and reports the bytes done, ten times a second at most.

        The waiting thread calls it at any rate; calls in between do nothing. Each report calls `besides` too.
        """
        due = 0.0

        def report() -> None:
            nonlocal due
            if time.monotonic() >= due:
                due = time.monotonic() + REPORT_S
                self.deadline.check()
                self.progress.advance(count_done())
                besides()

        return report
