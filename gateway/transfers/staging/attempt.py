"""One try of a transfer: its progress, its deadline, and the resume state that it leaves to the next try."""

import time
from datetime import datetime
from typing import Protocol

from gateway.errors import StorageUnavailable


class Progress(Protocol):
    """Who wants to know how far a transfer is. Any call may raise Cancelled or ClaimLost to stop it."""

    def expect(self, total_bytes: int) -> None:
        """Learn how many bytes will be moved."""

    def advance(self, done_bytes: int) -> None:
        """Learn how many bytes have been moved so far; called often, by one thread at a time."""


class Deadline:
    """The longest that one try may take."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def check(self) -> None:
        """Raise StorageUnavailable when the time is over."""
        if time.monotonic() > self._end:
            raise StorageUnavailable(
                f"not finished after {self._seconds:g} s; it goes on where it is in another try"
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
        """Since when a killed try may have begun an upload whose id got lost; None when there was no try."""

    def keep_upload(self, upload_id: str) -> None:
        """Remember the upload before a byte of it is sent; empty to forget it."""


class NoResume:
    """The trail of a try that has no next one: what it leaves is removed at its end."""

    token = ""
    lost_since = None

    def __init__(self) -> None:
        self.upload_id = ""

    def keep_upload(self, upload_id: str) -> None:
        """Remember the upload for as long as this try lasts."""
        self.upload_id = upload_id
