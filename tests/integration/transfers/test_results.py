"""Check of a result: a client whose job failed must not get the result of an earlier job."""

from pathlib import PurePosixPath
from uuid import UUID

import pytest
from sqlalchemy import update

from gateway.clusters.configuration import configured_clusters
from gateway.db import session_scope, utc_now
from gateway.jobs import lifecycle as jobs
from gateway.models import Job, Transfer
from gateway.states import JobState
from gateway.transfers import lifecycle as transfers
from gateway.transfers.lifecycle import JobFailed
from tests.rows import new_job, new_transfer

pytestmark = pytest.mark.usefixtures("database")
PUBLISHED = "serrano/data/Output_Data/CSVFormate/FFT_Filter_output.csv"


def _ended(row_id: UUID, state: JobState, reason: str = "") -> UUID:
    with session_scope() as session:
        values = {"state": state, "reason": reason, "ended_at": utc_now()}
        session.execute(update(Job).where(Job.id == row_id).values(**values))
    return row_id


def _check(path: str = PUBLISHED) -> None:
    row_id = new_transfer("s3_result", path=path)
    with session_scope() as session:
        transfers.check_result(session, session.get_one(Transfer, row_id))


def test_the_result_of_the_latest_job_is_given() -> None:
    _check()
    _ended(new_job("fft"), JobState.FAILED)
    _ended(new_job("fft", "min_max"), JobState.SUCCEEDED)
    new_job("fft")
    _check()


def test_after_a_failed_job_the_published_path_fails_with_its_reason() -> None:
    _ended(new_job("fft"), JobState.SUCCEEDED)
    failed = _ended(new_job("min_max", "fft"), JobState.TIMEOUT, "too slow")
    with pytest.raises(JobFailed, match=f"{failed}.*too slow"):
        _check()
    for ending in (".npy", ".parquet", ".arrow"):
        with pytest.raises(JobFailed):
            _check(PUBLISHED.replace(".csv", ending))


def test_other_services_other_folders_and_own_paths_are_not_touched_by_it() -> None:
    failed = _ended(new_job("fft"), JobState.FAILED)
    _check("serrano/data/Output_Data/CSVFormate/MinMax_Transform_output.csv")
    _check(PUBLISHED.replace("serrano/data", "serrano/other"))
    _check(f"serrano/data/Output_Data/jobs/{failed}.1/CSVFormate/FFT_Filter_output.csv")


def test_another_owners_failure_is_not_ones_own() -> None:
    _ended(new_job("fft", owner="eve"), JobState.FAILED)
    _check()


def test_only_a_published_path_names_a_service() -> None:
    with session_scope(read_only=True) as session:
        home = configured_clusters()["hpc"].home
        assert jobs.failed_latest(session, "local", "hpc", home / "x.csv") is None
        assert jobs.failed_latest(session, "local", "hpc", PurePosixPath("/Output_Data")) is None
