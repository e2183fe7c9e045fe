"""Rows of pending jobs of the cluster `demo`, written by Core in place of requests."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert

from gateway.db import session_scope
from gateway.models import Job
from gateway.models.service_bits import service_bits
from gateway.states import JobState

AT_ONCE = 1000


def insert_pending_jobs(rows: Sequence[dict[str, Any]]) -> None:
    """Insert pending jobs; each of `rows` gives the id and the scheduler's id."""
    options = {f"option_{number}": number for number in range(20)}
    common: dict[str, Any] = {
        "owner": "local",
        "infrastructure": "demo",
        "services": "fft",
        "service_bits": service_bits(["fft"]),
        "params": {"read_input_data": "/x.csv", "num_mpi_procs": 1, "num_thread": 1, **options},
        "watch_period": 1.0,
        "data_folder": "/tmp",  # noqa: S108  nothing is written there
        "control_root": "/tmp",  # noqa: S108
        "output_identity": "1:2",
        "state": JobState.PENDING,
        "submitted_at": datetime.now(UTC),
    }
    for start in range(0, len(rows), AT_ONCE):
        with session_scope() as session:
            session.execute(insert(Job), [common | row for row in rows[start : start + AT_ONCE]])
