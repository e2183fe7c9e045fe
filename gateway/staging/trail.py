"""What one try of a transfer leaves for the next one, in whichever process that runs."""

from datetime import datetime
from typing import Protocol


class Trail(Protocol):
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


class NoTrail:
    """The trail of a try that has no next one: what it leaves is removed at its end."""

    token = ""
    lost_since = None

    def __init__(self) -> None:
        self.upload_id = ""

    def keep_upload(self, upload_id: str) -> None:
        """Remember the upload for as long as this try lasts."""
        self.upload_id = upload_id
