"""One try of a transfer on its row: the resume state, and the progress within the owner's quota."""

from gateway.db import session_scope
from gateway.errors import HandedBack
from gateway.models import Transfer
from gateway.settings import Settings
from gateway.storage.address import without_query
from gateway.transfers import lifecycle as transfers
from gateway.transfers.etags import BucketEtags
from gateway.transfers.staging.attempt import Attempt, Deadline, Progress
from gateway.work import quotas
from gateway.work.claims import Claim

QUOTA_STEP_BYTES = 16 << 20  # of a body without a length, between two looks at the quota
TOO_MANY = "it cannot resume, and its owner's work of that kind leaves one slot to others; it waits"


def new_attempt(row: Transfer, claim: Claim, progress: Progress, settings: Settings) -> Attempt:
    """Return the circumstances of the claim's try; its time begins now."""
    return Attempt(
        AllowedProgress(row, progress),
        Deadline(settings.transfer_timeout_s),
        RowResume(row, claim),
        settings.connections,
        settings.least_bytes,
        BucketEtags(without_query(row.endpoint), row.bucket),
    )


class RowResume:
    """The resume state of a row; without a claim, of a row that has ended."""

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

    def begins_again(self) -> None:
        """Record it on the row; raise HandedBack when its owner holds too many slots with work like this."""
        if self._claim is None:
            return
        with session_scope() as session:
            too_many = transfers.record_unresumable(session, self._claim)
        if too_many:
            raise HandedBack(TOO_MANY)


class AllowedProgress:
    """A Progress that passes everything on, once the owner's quota allows the size.

    A body without a length is compared with the quota while it comes.
    """

    def __init__(self, row: Transfer, progress: Progress) -> None:
        self._row_id, self._owner, self._progress = row.id, row.owner, progress
        self._allowed_bytes = 0

    def expect(self, total_bytes: int) -> None:
        """Raise TooMany, which ends the transfer, when the quota does not allow so much."""
        self._check(total_bytes)
        self._allowed_bytes = total_bytes
        self._progress.expect(total_bytes)

    def advance(self, done_bytes: int) -> None:
        """Pass it on; raise TooMany when more bytes have come than the quota allows."""
        if done_bytes > self._allowed_bytes:
            self._check(done_bytes)
            self._allowed_bytes = done_bytes + QUOTA_STEP_BYTES
        self._progress.advance(done_bytes)

    def _check(self, size: int) -> None:
        with session_scope(read_only=True) as session:
            quotas.check_bytes(session, self._owner, size, self._row_id)
