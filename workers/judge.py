"""The judge of a cluster's tables: `workers.judge:judge_tables NAME`, a process beside the Celery worker.

It is not a Celery task: a judgement never takes the slot of a transfer or of a submission, and the rows
name the tables to be judged.
"""

import logging
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from types import FrameType

from sqlalchemy.exc import SQLAlchemyError

import gateway.queue  # it sends the messages that commits of the judge ask for
import gateway.workflows.advance  # noqa: F401  it begins the steps that wait for a judgement
from gateway.clusters.configuration import Cluster
from gateway.clusters.served import served_cluster
from gateway.db import session_scope
from gateway.errors import GatewayError, HandedBack
from gateway.jobs.spec import CACHE
from gateway.logs import configure_logging
from gateway.models import JudgedTable, Transfer
from gateway.previews.packed import pack_preview
from gateway.settings import get_settings
from gateway.tables import judgement as judgements
from gateway.tables.judge import JudgeCommand, Judged, NotJudged, run_judge
from workers.arriving_tables import judge_arriving
from workers.table_file import open_here
from workers.tasks.transfers import cluster_file

PAUSE_S = 0.5
ARRIVING_S = 2.0
_log = logging.getLogger(__name__)


class Judge:
    """Judges the tables of one cluster, one after the other; owners take turns."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        python = get_settings().judge_python or cluster.python
        self._command = JudgeCommand(python, cluster.path, str(cluster.control / CACHE))
        self._last_owner = ""
        self._next_look = 0.0

    def run(self, stop: threading.Event) -> None:
        """Judge until `stop` is set; an error with one table does not prevent the next."""
        while not stop.wait(PAUSE_S):
            try:
                while not stop.is_set() and self.judge_next(stop):
                    pass
                self._look_at_arriving(stop)
            except SQLAlchemyError as error:
                _log.warning("%s: the database failed: %s", self._cluster.name, type(error).__name__)
            except Exception:  # noqa: BLE001  a bug that one table meets must not end the judgement of the others
                _log.exception("%s: unexpected error", self._cluster.name)

    def _look_at_arriving(self, stop: threading.Event) -> None:
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + ARRIVING_S
            self.judge_arriving(stop)

    def judge_arriving(self, stop: threading.Event) -> None:
        """Judge the beginnings of tables that are still on their way."""
        judge_arriving(self._cluster.name, self._command, stop)

    def judge_next(self, stop: threading.Event) -> bool:
        """Judge the oldest table of the owner whose turn it is; return False when none waits."""
        with session_scope(read_only=True) as session:
            if not judgements.is_any_open(session, self._cluster.name):
                return False
        with session_scope() as session:
            claimed = judgements.claim_next(session, self._cluster.name, self._last_owner)
            row = session.get(Transfer, claimed.transfer_id) if claimed else None
        if claimed is None or row is None:
            return False
        self._last_owner = row.owner
        with _ending_unknown(claimed):
            self._judge(claimed, row, stop)
        return True

    def _judge(self, claimed: JudgedTable, row: Transfer, stop: threading.Event) -> None:
        filesystem, path = cluster_file(row)
        with filesystem.read(path) as source, open_here(source, path.name) as (table, is_whole):
            for found in islice(run_judge(self._command, table, path.name, stop), None if is_whole else 1):
                if not _record(claimed, found if is_whole else found.model_copy(update={"whole": False})):
                    return
        _end(claimed, "the beginning of the table was judged alone")


@contextmanager
def _ending_unknown(claimed: JudgedTable) -> Iterator[None]:
    """End the judgement with the sentence of an error of the block."""
    try:
        yield
    except HandedBack:
        with session_scope() as session:
            judgements.leave_open(session, claimed)
    except NotJudged as error:
        _end(claimed, error.detail)
    except GatewayError as error:
        _end(claimed, f"the staged file cannot be read: {error.detail}")


def _record(claimed: JudgedTable, found: Judged) -> bool:
    """Record one judgement; return whether another one follows and is wanted."""
    with session_scope() as session:
        row = judgements.lock(session, claimed)
        if row is not None:
            preview = found.preview_bytes()
            judgements.record_known(
                session, row, found.document(), pack_preview(preview) if preview else None
            )
    return row is not None and not found.whole


def _end(claimed: JudgedTable, reason: str) -> None:
    with session_scope() as session:
        row = judgements.lock(session, claimed)
        if row is not None:
            judgements.end_unknown(session, row, reason)


def judge_tables() -> None:
    """Judge the tables of the cluster named on the command line until SIGTERM."""
    configure_logging()
    cluster = served_cluster(sys.argv[1])
    stop = threading.Event()

    def finish(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, finish)
    signal.signal(signal.SIGINT, finish)
    Judge(cluster).run(stop)
