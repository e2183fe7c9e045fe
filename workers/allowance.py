"""The allowance of a transfer: once its size is known, it must fit into its owner's bytes of the day."""

from gateway import quotas
from gateway.db import session_scope
from gateway.staging import Progress


class Allowance:
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
