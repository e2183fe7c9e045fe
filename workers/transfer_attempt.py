"""One try of a transfer on its row: the resume state, and the progress within the owner's allowance."""

from gateway.db import session_scope
from gateway.models import Transfer
from gateway.transfers import lifecycle as transfers
from gateway.transfers.staging.attempt import Progress
from gateway.work import quotas
from gateway.work.claims import Claim


class RowResume:
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


class AllowedProgress:
    """A Progress that passes everything on, once the size has been allowed."""

    def __init__(self, owner: str, progress: Progress) -> None:
        self._owner, self._progress = owner, progress

    def expect(self, total_bytes: int) -> None:
        """Raise TooMany, which ends the transfer, when so much is not allowed."""
        with session_scope(read_only=True) as session:
            quotas.check_bytes(session, self._owner, total_bytes)
        self._progress.expect(total_bytes)

    def advance(self, done_bytes: int) -> None:
        """Pass it on."""
        self._progress.advance(done_bytes)
