"""Retries by hand of transfers and jobs that have failed."""

from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from gateway.credentials import sealing
from gateway.db import session_scope
from gateway.errors import ClaimLost, SchedulerError, StorageError
from gateway.models import Job, Transfer
from gateway.states import JobState, TransferState
from gateway.storage.address import Credentials
from gateway.transfers.lifecycle import complete
from gateway.work import failures
from gateway.work.claims import take_ending, take_submission, take_transfer
from gateway.work.outbox import message_for
from gateway.work.transitions import move
from tests.ended_rows import claim_transfer, ended_job, failed_transfer, submit_job
from tests.rows import KEYS, job, new_job, new_transfer, transfer


def _post(api: TestClient, url: str, expected: int = 200, **body: Any) -> dict[str, Any]:
    answer = api.post(url, json=body or None)
    assert answer.status_code == expected, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_failed_transfer_is_taken_back_to_its_start_under_the_same_id(api: TestClient) -> None:
    row_id = failed_transfer()
    status = _post(api, f"/s3_data/{row_id}/retry", by="ada", reason="the bucket exists now")
    assert (status["id"], status["status"], status["state"]) == (str(row_id), "transferring", "accepted")
    assert (status["attempt"], status["reason"], status["ended_at"], status["bytes_done"]) == (2, "", None, 0)
    assert sealing.unseal(transfer(row_id).credentials or "") == KEYS


def test_the_history_says_who_retried_when_and_why_and_keeps_the_failure(api: TestClient) -> None:
    row_id = failed_transfer()
    _post(api, f"/s3_data/{row_id}/retry", by="ada", reason="the bucket exists now")
    events = api.get(f"/s3_data/{row_id}/events").json()
    assert [(e["from_state"], e["to_state"], e["attempt"]) for e in events] == [
        ("", "accepted", 1),
        ("accepted", "transferring", 1),
        ("transferring", "failed", 1),
        ("failed", "accepted", 2),
    ]
    assert (events[2]["reason"], events[2]["worker"]) == ("the bucket is missing", "worker")
    assert (events[3]["actor"], events[3]["reason"]) == ("ada", "the bucket exists now")
    assert [e["at"] for e in events] == sorted(e["at"] for e in events)


def test_a_retry_needs_no_body_and_then_names_the_callers_address(api: TestClient) -> None:
    row_id = failed_transfer()
    assert api.post(f"/s3_data/{row_id}/retry").status_code == 200
    assert api.get(f"/s3_data/{row_id}/events").json()[-1]["actor"] == "client at testclient"


def test_fresh_credentials_replace_the_old_ones_and_are_not_shown(api: TestClient) -> None:
    row_id = failed_transfer()
    status = _post(api, f"/s3_data/{row_id}/retry", access_key="new", secret_key="fresh-secret")
    assert sealing.unseal(transfer(row_id).credentials or "") == Credentials("new", "fresh-secret")
    assert "fresh-secret" not in f"{status} {api.get(f'/s3_data/{row_id}/events').text}"


def test_a_cancelled_transfer_has_no_credentials_left_and_needs_fresh_ones(api: TestClient) -> None:
    row_id = new_transfer()
    assert _post(api, f"/s3_data/{row_id}/cancel", by="bob")["status"] == "failure"
    assert "erased" in _post(api, f"/s3_data/{row_id}/retry", 409)["detail"]
    assert _post(api, f"/s3_data/{row_id}/retry", access_key="a", secret_key="s")["attempt"] == 2


@pytest.mark.parametrize(
    "body",
    [
        {"access_key": "only one"},
        {"secret_key": "only one"},
        {"access_key": "a", "secret_key": ""},
        {"by": "x" * 201},
        {"by": "nul\0"},
        {"reason": 7},
        {"reason": "x" * 1001},
    ],
)
def test_a_bad_body_changes_nothing(api: TestClient, body: dict[str, Any]) -> None:
    row_id = failed_transfer()
    _post(api, f"/s3_data/{row_id}/retry", 400, **body)
    assert (transfer(row_id).state, transfer(row_id).attempt) == (TransferState.FAILED, 1)


@pytest.mark.parametrize("action", ["retry", "cancel"])
def test_what_is_unknown_or_of_another_kind_is_404(api: TestClient, action: str) -> None:
    row_id = failed_transfer()
    for url in (f"/s3_result/{row_id}", f"/job/{row_id}", f"/s3_data/{uuid4()}", "/s3_data/nonsense"):
        assert api.post(f"{url}/{action}").status_code == 404
        assert api.get(f"{url}/events").status_code == 404


def test_what_has_not_ended_or_ended_well_is_409(api: TestClient) -> None:
    row_id = new_transfer()
    assert "accepted" in _post(api, f"/s3_data/{row_id}/retry", 409)["detail"]
    claim = claim_transfer(row_id)
    assert "transferring" in _post(api, f"/s3_data/{row_id}/retry", 409)["detail"]
    with session_scope() as session:
        complete(session, claim, 3)
    assert "completed" in _post(api, f"/s3_data/{row_id}/retry", 409)["detail"]
    assert _post(api, f"/s3_data/{row_id}/cancel", 409)
    assert _post(api, f"/job/{ended_job(JobState.SUCCEEDED)}/retry", 409)


def test_a_running_transfer_is_asked_to_stop_and_the_request_is_in_its_history(api: TestClient) -> None:
    row_id = new_transfer()
    claim_transfer(row_id)
    assert _post(api, f"/s3_data/{row_id}/cancel", by="bob", reason="typo")["status"] == "transferring"
    last = api.get(f"/s3_data/{row_id}/events").json()[-1]
    assert (last["actor"], last["reason"], last["to_state"]) == (
        "bob",
        "cancel requested: typo",
        "transferring",
    )


def test_a_worker_of_the_attempt_before_can_write_no_more(api: TestClient) -> None:
    row_id = new_transfer()
    claim = claim_transfer(row_id)
    with session_scope() as session:
        move(session, session.get_one(Transfer, row_id), TransferState.FAILED, "the operator gave up")
    _post(api, f"/s3_data/{row_id}/retry")
    with pytest.raises(ClaimLost), session_scope() as session:
        complete(session, claim, 3)


@pytest.mark.parametrize(
    "state", [JobState.FAILED, JobState.TIMEOUT, JobState.OUT_OF_MEMORY, JobState.NODE_FAILURE, JobState.LOST]
)
def test_a_job_that_ended_badly_runs_again_in_a_folder_of_its_own(api: TestClient, state: JobState) -> None:
    row_id = ended_job(state)
    status = _post(api, f"/job/{row_id}/retry")
    assert (status["status"], status["state"], status["attempt"]) == ("queued", "accepted", 2)
    assert {status[key] for key in ("success", "exit_code", "ended_at", "started_at", "submitted_at")} == {
        None
    }
    assert (status["scheduler_id"], status["outputs"], status["reason"]) == ("", [], "")
    row = job(row_id)
    assert (row.name, message_for(row).task) == (f"{row_id}.2", "jobs.submit")


def test_a_job_whose_run_ended_well_is_not_run_again(api: TestClient) -> None:
    row_id = new_job("fft")
    submit_job(row_id)
    with session_scope() as session:
        row = session.get_one(Job, row_id)
        row.finding = {"state": "succeeded", "exit_code": 0, "reason": ""}
    with session_scope() as session:
        assert take_ending(session, row_id, "worker")
        failures.record_failure(
            session, session.get_one(Job, row_id), SchedulerError("the outputs cannot be read")
        )
    status = _post(api, f"/job/{row_id}/retry")
    assert (status["status"], status["state"], status["scheduler_id"]) == ("queued", "pending", "17")
    row = job(row_id)
    assert (row.name, row.attempt, message_for(row).task) == (f"{row_id}.1", 2, "jobs.finish")


def test_a_retried_row_can_be_retried_again(api: TestClient) -> None:
    row_id = failed_transfer()
    for attempt in (2, 3):
        assert _post(api, f"/s3_data/{row_id}/retry")["attempt"] == attempt
        with session_scope() as session:
            assert take_transfer(session, row_id, "worker")
            failures.record_failure(session, session.get_one(Transfer, row_id), StorageError("still missing"))
    assert transfer(row_id).reason == "still missing"


def test_the_next_automatic_attempt_is_visible(api: TestClient) -> None:
    row_id = new_job("fft")
    with session_scope() as session:
        assert take_submission(session, row_id, "worker")
        error = SchedulerError("busy")
        error.transient = True  # type: ignore[misc]  # as SchedulerUnavailable is
        failures.record_failure(session, session.get_one(Job, row_id), error)
    status = api.get(f"/job/{row_id}").json()
    assert (status["state"], status["status"], status["reason"]) == ("retrying", "queued", "busy")
    assert status["next_attempt_at"] > status["updated_at"]
