"""What one try of a transfer leaves for the next one, kept on its row."""

from gateway import transfers
from gateway.claims import Claim
from gateway.db import session_scope
from gateway.models import Transfer


class RowTrail:
    """The trail of a row; without a claim, of one that has ended."""

    def __init__(self, row: Transfer, claim: Claim | None = None) -> None:
        self.token = row.id.hex
        self.upload_id = row.upload_id
        is_first = claim is not None and claim.number == 1
        self.lost_since = row.created_at if row.leftovers and not is_first else None
        self._claim = claim

    def keep_upload(self, upload_id: str) -> None:
        """Remember the upload on the row, before a byte of it is sent."""
        if self._claim is not None:
            with session_scope() as session:
                transfers.keep_upload(session, self._claim, upload_id)
        self.upload_id = upload_id
