"""The judge's look at tables that are still on their way: at their beginnings, once these are on the disk."""

import logging
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import PurePosixPath

from sqlalchemy.exc import SQLAlchemyError

from gateway.db import session_scope
from gateway.errors import GatewayError, HandedBack
from gateway.filesystems.shared import SharedFilesystem
from gateway.models import Transfer
from gateway.previews.packed import pack_preview
from gateway.tables import beginnings
from gateway.tables.judge import JudgeCommand, NotJudged, run_judge
from gateway.transfers.staging.journal import whole_until
from workers import table_file
from workers.tasks.transfers import cluster_file

_log = logging.getLogger(__name__)


def judge_arriving(infrastructure: str, command: JudgeCommand, after: str, stop: threading.Event) -> str:
    """Judge the beginning of one table, if that is there; return the owner whose turn is over.

    A file that cannot be read yet is looked at again, and one that fails costs no other its judgement.
    """
    with session_scope(read_only=True) as session:
        rows = beginnings.find_arriving(session, infrastructure, table_file.COPIED_BYTES, after)
    for row in rows:
        try:
            if _judge_row(row, command, stop):
                return row.owner
        except (HandedBack, SQLAlchemyError):
            raise
        except GatewayError:
            continue
        except Exception:  # noqa: BLE001  the files beside this table are hostile input
            _log.exception("%s: its beginning is not judged", row.id)
    return rows[-1].owner if rows else after


def _judge_row(row: Transfer, command: JudgeCommand, stop: threading.Event) -> bool:
    """Judge the beginning of a table; return False while a part of it is missing."""
    filesystem, path = cluster_file(row)
    if not isinstance(filesystem, SharedFilesystem):
        return False
    with _open_beginning(filesystem, path, row.id.hex) as table:
        return table is not None and _judge(row, table, path.name, command, stop)


@contextmanager
def _open_beginning(filesystem: SharedFilesystem, path: PurePosixPath, token: str) -> Iterator[int | None]:
    """Copy the beginning of a file that is being written; yield None while a part of it is missing."""
    with filesystem.read_partial(path, token) as (partial, notes), tempfile.TemporaryFile() as copy:
        if whole_until(notes()) < table_file.COPIED_BYTES:
            yield None
            return
        table_file.copy_beginning(partial, path.name, copy)
        yield copy.fileno() if whole_until(notes()) >= table_file.COPIED_BYTES else None


def _judge(row: Transfer, table: int, name: str, command: JudgeCommand, stop: threading.Event) -> bool:
    with session_scope() as session:
        if not beginnings.begin_early(session, row.id):
            return False
    with suppress(NotJudged):
        for found in run_judge(command, table, name, stop):
            document = found.model_copy(update={"whole": False}).document()
            preview = found.preview_bytes()
            with session_scope() as session:
                beginnings.record_early(session, row.id, document, pack_preview(preview) if preview else None)
    return True
