"""The judge's look at tables that are still on their way: at their beginnings, once these are on the disk."""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from pathlib import PurePosixPath

from gateway.db import session_scope
from gateway.errors import GatewayError, HandedBack
from gateway.filesystems.shared import SharedFilesystem
from gateway.models import Transfer
from gateway.previews.packed import pack_preview
from gateway.tables import beginnings
from gateway.tables.judge import JudgeCommand, run_judge
from gateway.transfers.staging.journal import whole_until
from workers import table_file
from workers.tasks.transfers import cluster_file


def judge_arriving(infrastructure: str, command: JudgeCommand, stop: threading.Event) -> None:
    """Judge the beginnings that are there; a file that cannot be read yet is looked at again."""
    with session_scope(read_only=True) as session:
        rows = beginnings.find_arriving(session, infrastructure, table_file.COPIED_BYTES)
    for row in rows:
        with suppress(GatewayError, HandedBack), ExitStack() as stack:
            filesystem, path = cluster_file(row)
            if isinstance(filesystem, SharedFilesystem):
                table = stack.enter_context(_open_beginning(filesystem, path, row.id.hex))
                _judge(row, table, path.name, command, stop)


@contextmanager
def _open_beginning(filesystem: SharedFilesystem, path: PurePosixPath, token: str) -> Iterator[int | None]:
    """Copy the beginning of a file that is being written; yield None while a part of it is missing."""
    with filesystem.read_partial(path, token) as (partial, notes), tempfile.TemporaryFile() as copy:
        if whole_until(notes()) < table_file.COPIED_BYTES:
            yield None
            return
        table_file.copy_beginning(partial, path.name, copy)
        yield copy.fileno() if whole_until(notes()) >= table_file.COPIED_BYTES else None


def _judge(row: Transfer, table: int | None, name: str, command: JudgeCommand, stop: threading.Event) -> None:
    if table is None:
        return
    with session_scope() as session:
        if not beginnings.begin_early(session, row.id):
            return
    for found in islice(run_judge(command, table, name, stop), 1):
        document = found.model_copy(update={"whole": False}).document()
        preview = found.preview_bytes()
        with session_scope() as session:
            beginnings.record_early(session, row.id, document, pack_preview(preview) if preview else None)
