"""Workflows that end badly: failed steps, retries and cancels."""

from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from gateway.credentials.sealing import unseal
from gateway.db import db_now, session_scope
from gateway.models import Transfer, Workflow
from gateway.operations.sweep import sweep
from gateway.settings import get_settings
from gateway.states import JobState
from gateway.storage.address import Credentials
from gateway.work import failures
from gateway.workflows.lifecycle import request_cancel
from tests.ended_rows import claim_transfer
from tests.rows import transfer
from tests.workflows import (
    SMOOTH,
    end_job,
    end_transfer,
    post,
    show,
    start,
    states,
    step_id,
    workflow,
)

ASIDE: dict[str, Any] = {"name": "aside", "services": ["min_max"]}


def test_a_failed_step_ends_the_workflow_with_its_reason_and_nothing_after_it_begins(api: TestClient) -> None:
    mine = start(api)["id"]
    end_transfer(mine)
    end_job(mine, "smooth", fault="line 3 has a word")
    status = show(api, mine)
    assert (status["state"], status["success"], status["fault"]) == ("failed", False, "input")
    assert status["reason"] == "job smooth ended as failed: line 3 has a word"
    assert states(status)["spectrum"] == states(status)["spectrum/fft.csv"] == "skipped"


def test_a_failed_input_fails_all(api: TestClient) -> None:
    mine = start(api)["id"]
    end_transfer(mine, fault="the bucket is missing")
    status = show(api, mine)
    assert (status["state"], status["reason"]) == ("failed", "input ended as failed: the bucket is missing")


def test_what_does_not_need_the_failed_step_goes_on_to_its_end(api: TestClient) -> None:
    mine = start(api, SMOOTH, ASIDE)["id"]
    end_transfer(mine)
    end_job(mine, "smooth", fault="exit code 2", state=JobState.OUT_OF_MEMORY)
    assert show(api, mine)["state"] == "running"
    end_job(mine, "aside")
    assert show(api, mine)["status"] == "running"
    end_transfer(mine, "aside/min_max.csv")
    status = show(api, mine)
    assert (status["state"], status["reason"]) == ("failed", "job smooth ended as out_of_memory: exit code 2")
    assert states(status)["aside/min_max.csv"] == "completed"


def test_a_retry_goes_on_at_the_failed_step(api: TestClient) -> None:
    mine = start(api)["id"]
    staged = end_transfer(mine)
    smooth = end_job(mine, "smooth", fault="exit code 2")
    status = post(api, f"/workflow/{mine}/retry", by="ada", reason="again")
    assert (status["state"], status["attempt"], status["reason"]) == ("accepted", 2, "")
    assert states(status)["smooth"] == "accepted"
    assert end_job(mine, "smooth") == smooth
    assert transfer(staged).attempt == 1
    end_job(mine, "spectrum")
    end_transfer(mine, "spectrum/fft.csv")
    assert show(api, mine)["state"] == "succeeded"
    last = [(e["to_state"], e["attempt"], e["actor"]) for e in api.get(f"/workflow/{mine}/events").json()]
    assert last[3:] == [("accepted", 2, "ada"), ("running", 2, ""), ("succeeded", 2, "")]


def test_a_retry_of_the_step_alone_takes_its_workflow_up_again(api: TestClient) -> None:
    mine = start(api)["id"]
    end_transfer(mine)
    smooth = end_job(mine, "smooth", fault="exit code 2")
    post(api, f"/job/{smooth}/retry")
    assert show(api, mine)["state"] == "accepted"
    end_job(mine, "smooth")
    assert states(show(api, mine))["spectrum"] == "accepted"


def test_a_cancelled_step_fails_its_workflow(api: TestClient) -> None:
    mine = start(api)["id"]
    end_transfer(mine)
    post(api, f"/job/{step_id(mine, 'smooth')}/cancel")
    status = show(api, mine)
    assert (status["state"], status["reason"]) == (
        "failed",
        "job smooth ended as cancelled: cancelled on request",
    )


def test_what_has_not_ended_or_ended_well_is_not_retried(api: TestClient) -> None:
    mine = start(api, SMOOTH, output=None)["id"]
    post(api, f"/workflow/{mine}/retry", 409)
    end_transfer(mine)
    end_job(mine, "smooth")
    post(api, f"/workflow/{mine}/retry", 409)
    post(api, f"/workflow/{mine}/cancel", 409)
    assert show(api, mine)["attempt"] == 1


def test_a_cancel_stops_all_steps_and_begins_no_other(api: TestClient) -> None:
    mine = start(api, SMOOTH, ASIDE)["id"]
    end_transfer(mine)
    status = post(api, f"/workflow/{mine}/cancel", by="ada", reason="wrong table")
    assert (status["status"], status["state"], status["success"]) == ("completed", "cancelled", False)
    assert states(status)["smooth"] == states(status)["aside"] == "cancelled"
    told = [(e["to_state"], e["actor"], e["reason"]) for e in api.get(f"/workflow/{mine}/events").json()]
    assert told[2] == ("running", "ada", "cancel requested: wrong table")
    assert workflow(UUID(mine)).input_secret is None


def test_a_cancel_waits_for_a_step_that_only_its_worker_can_stop(api: TestClient) -> None:
    mine = start(api, SMOOTH)["id"]
    end_transfer(mine)
    end_job(mine, "smooth")
    row_id = step_id(mine, "smooth/savitzky_golay.csv", is_job=False)
    claim_transfer(row_id)
    assert post(api, f"/workflow/{mine}/cancel")["state"] == "running"
    with session_scope() as session:
        failures.finish_cancel(session, session.get_one(Transfer, row_id))
    assert show(api, mine)["state"] == "cancelled"


def test_a_cancel_that_was_lost_between_its_transactions_begins_no_step(api: TestClient) -> None:
    mine = start(api)["id"]
    with session_scope() as session:
        request_cancel(session, session.get_one(Workflow, UUID(mine)), "ada")
    end_transfer(mine)
    assert show(api, mine)["state"] == "cancelled"
    assert states(show(api, mine))["smooth"] == "skipped"


def test_the_sweep_cancels_the_steps_when_the_process_that_was_asked_has_died(api: TestClient) -> None:
    mine = start(api, SMOOTH, ASIDE)["id"]
    end_transfer(mine)
    with session_scope() as session:
        request_cancel(session, session.get_one(Workflow, UUID(mine)), "ada")
    end_job(mine, "aside")
    assert show(api, mine)["state"] == "running"
    with session_scope() as session:
        sweep(session)
    assert states(show(api, mine))["smooth"] == "accepted", "the process may be about to do it"
    with session_scope() as session:
        session.execute(update(Workflow).values(check_until=db_now(-1)))
        sweep(session)
    status = show(api, mine)
    assert (status["state"], states(status)["smooth"]) == ("cancelled", "cancelled")
    assert workflow(UUID(mine)).check_until is None


def test_a_cancelled_workflow_needs_fresh_keys_for_its_retry(api: TestClient) -> None:
    mine = start(api)["id"]
    post(api, f"/workflow/{mine}/cancel")
    refused = post(api, f"/workflow/{mine}/retry", 409)
    assert refused["detail"] == "its credentials are erased: send fresh ones with the retry"
    keys = {"access_key": "new", "secret_key": "newer"}
    status = post(api, f"/workflow/{mine}/retry", input=keys, output=keys)
    assert states(status)["input"] == "accepted"
    row = transfer(step_id(mine, "input", is_job=False))
    assert unseal(row.credentials or "") == Credentials("new", "newer")
    end_transfer(mine)
    end_job(mine, "smooth")
    end_job(mine, "spectrum")
    assert states(show(api, mine))["spectrum/fft.csv"] == "accepted"


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"input": {"access_key": "a"}}, "input.secret_key"),
        ({"output": {"presigned_url": "https://s3.example.org/b/x"}}, "output.presigned_url"),
        ({"output": {"credential_id": "0" * 32}}, "output.credential_id"),
        ({"by": "x" * 300}, "by"),
        ({"access_key": "a", "secret_key": "b"}, "access_key"),
        ({"input": {"acces_key": "a"}}, "input.acces_key"),
    ],
)
def test_a_bad_retry_changes_nothing(api: TestClient, sent: dict[str, Any], field: str) -> None:
    mine = start(api)["id"]
    end_transfer(mine, fault="x")
    found = post(api, f"/workflow/{mine}/retry", 400, **sent)
    assert ".".join(map(str, found["errors"][0]["loc"])) == f"body.{field}"
    assert show(api, mine)["attempt"] == 1


def test_fresh_keys_for_an_input_that_is_in_no_store_are_refused(api: TestClient) -> None:
    mine = start(api, SMOOTH, input={"path": "/Init_Data/x.csv"})["id"]
    end_job(mine, "smooth", fault="x")
    keys = {"access_key": "new", "secret_key": "newer"}
    assert "is in no store" in post(api, f"/workflow/{mine}/retry", 400, input=keys)["detail"]


def test_a_bug_in_the_beginning_of_a_step_does_not_undo_the_end_before(
    api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    mine = start(api, SMOOTH)["id"]
    monkeypatch.setattr("gateway.workflows.begin.draft_job", broken)
    row_id = end_transfer(mine)
    assert transfer(row_id).state == "completed"
    status = show(api, mine)
    assert status["state"] == "failed"
    assert status["reason"].endswith("the gateway failed at its beginning: its log has the cause")


def test_a_step_that_no_worker_serves_fails_its_workflow(
    api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = start(api)["id"]
    monkeypatch.setenv("GATEWAY_UNSERVED_S", "0.001")
    get_settings.cache_clear()
    with session_scope() as session:
        sweep(session)
    status = show(api, mine)
    assert (status["state"], status["fault"]) == ("failed", "workers")


def test_warnings_of_jobs_are_shown_at_once(api: TestClient) -> None:
    status = start(api, {**SMOOTH, "params": {"odd": 1}})
    assert status["warnings"] == ["job smooth: params.odd is not known and was ignored"]
