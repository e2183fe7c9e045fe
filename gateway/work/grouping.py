"""Groups of waiting rows: small new files of a prefix share a message, and so do new jobs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from gateway.models import Job, Transfer
from gateway.settings import get_settings
from gateway.states import JobState, TransferState
from gateway.work.outbox import Message, message_for

ROWS = 64
FILE_BYTES = 1 << 20
BYTES = 16 << 20
_UNFAILED = (TransferState.ACCEPTED, TransferState.TRANSFERRING)  # the latter was handed back


@dataclass
class _Group:
    rows: list[Transfer | Job] = field(default_factory=list)
    total_bytes: int = 0

    def has_room(self, size: int) -> bool:
        return len(self.rows) < ROWS and self.total_bytes + size <= BYTES

    def add(self, row: Transfer | Job, size: int) -> None:
        self.rows.append(row)
        self.total_bytes += size


def group_messages(rows: Iterable[Transfer | Job], *, again: bool = False) -> list[Message]:
    """Return the messages of rows of one owner and cluster, in the order of their first rows.

    Those of new rows are first messages, unless they are published `again`.
    """
    groups: list[_Group] = []
    open_group: _Group | None = None
    for row in rows:
        if not may_share(row):
            groups.append(_Group([row]))
            continue
        size = _size(row)
        if open_group is None or not open_group.has_room(size):
            open_group = _Group()
            groups.append(open_group)
        open_group.add(row, size)
    return [_message(group.rows, first=not again and _is_new(group.rows[0])) for group in groups]


def _message(rows: Sequence[Transfer | Job], *, first: bool) -> Message:
    return replace(message_for(rows[0], first=first), others=tuple(row.id for row in rows[1:]))


def may_share(row: Transfer | Job) -> bool:
    """Tell whether the row may share a message: a small file of a prefix, or a new job, untried and wanted.

    Rows are sent alone where a kind has no retry budget, since only a first try is shared.
    """
    return (
        row.failures == 0
        and row.attempt == 1
        and row.lease_until is None
        and row.cancel_requested_at is None  # a claim of a group leaves the others out
        and get_settings().budget(row.kind) > 0
        and (_is_small_file(row) if isinstance(row, Transfer) else _is_new_job(row))
    )


def _is_small_file(row: Transfer) -> bool:
    """Tell whether the row is a small file of a prefix; limited bytes of a day are counted file by file."""
    is_open = row.parent_id is not None and row.state in _UNFAILED
    return is_open and _size(row) <= FILE_BYTES and not get_settings().bytes_per_day


def _is_new_job(row: Job) -> bool:
    return row.state is JobState.ACCEPTED and row.retry_at is None and not row.member_count


def _is_new(row: Transfer | Job) -> bool:
    """Tell whether no worker has begun the row, in this attempt or an earlier one."""
    return row.claim == 0 and row.attempt == 1


def _size(row: Transfer | Job) -> int:
    return (row.bytes_total or 0) if isinstance(row, Transfer) else 0
