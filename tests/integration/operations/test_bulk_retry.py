from typing import Any, get_args
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from api.schemas.retries import BadEnd
from gateway.operations import bulk
from gateway.states import JobState, TransferState
from tests.ended_rows import ended_job, failed_transfer
from tests.rows import job, new_transfer, transfer
from workers.tasks.operator import retry


def _bulk(api: TestClient, expected: int = 200, **body: Any) -> dict[str, Any]:
    answer = api.post("/retry", json=body)
    assert answer.status_code == expected, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_dry_run_is_the_default_and_changes_nothing(api: TestClient) -> None:
    row_id = failed_transfer()
    shown = _bulk(api)
    assert (shown["dry_run"], shown["found"], shown["retried"]) == (True, 1, 1)
    [item] = shown["items"]
    assert (item["id"], item["kind"], item["refusal"]) == (str(row_id), "s3_data", "")
    assert (item["infrastructure"], item["owner"], item["fault"]) == ("hpc", "local", "store")
    assert item["reason"] == "the bucket is missing"
    assert transfer(row_id).state is TransferState.FAILED


def test_everything_that_ended_badly_is_retried_oldest_first_and_nothing_else(api: TestClient) -> None:
    ids = [failed_transfer(), ended_job(JobState.TIMEOUT), failed_transfer(kind="s3_result", path="x.csv")]
    waiting, well = new_transfer(), ended_job(JobState.SUCCEEDED)
    done = _bulk(api, dry_run=False, by="ada", reason="the store is back")
    assert [item["id"] for item in done["items"]] == [str(row_id) for row_id in ids]
    assert done["retried"] == 3
    assert job(ids[1]).attempt == 2
    assert (transfer(waiting).attempt, job(well).attempt) == (1, 1)
    event = api.get(f"/job/{ids[1]}/events").json()[-1]
    assert (event["actor"], event["reason"]) == ("ada", "the store is back")
    assert _bulk(api, dry_run=False)["found"] == 0


def test_the_filter_decides(api: TestClient) -> None:
    bucket, denied, ended = (
        failed_transfer("NoSuchBucket"),
        failed_transfer("AccessDenied"),
        ended_job(JobState.LOST),
    )
    for wanted, expected in (
        ({"reason": "nosuch"}, {bucket}),
        ({"kind": ["job"]}, {ended}),
        ({"kind": ["s3_data"]}, {bucket, denied}),
        ({"state": ["lost"]}, {ended}),
        ({"service": "fft"}, {ended}),
        ({"infrastructure": "unserved"}, set()),
        ({"until": "2020-01-01T00:00:00Z"}, set()),
    ):
        assert {item["id"] for item in _bulk(api, filter=wanted)["items"]} == {str(i) for i in expected}


def test_what_cannot_be_retried_as_it_is_stays_and_says_why(api: TestClient) -> None:
    cancelled, failed = new_transfer(), failed_transfer()
    api.post(f"/s3_data/{cancelled}/cancel")
    states = ["failed", "cancelled"]
    done = _bulk(api, filter={"state": states}, dry_run=False)
    refusals = {item["id"]: item["refusal"] for item in done["items"]}
    assert refusals[str(failed)] == ""
    assert "erased" in refusals[str(cancelled)]
    assert done["retried"] == 1
    assert _bulk(api)["found"] == 0, "somebody cancelled it on purpose: it is found only when asked for"


@pytest.mark.parametrize(
    "body",
    [
        {"filter": {"state": ["completed"]}},
        {"filter": {"state": []}},
        {"filter": {"kind": ["everything"]}},
        {"filter": {"knd": ["job"]}},
        {"filter": {"since": "2026-01-01"}},
        {"filter": {"reason": "nul\0"}},
        {"dryrun": False},
        {"dry_run": "perhaps"},
        {"access_key": "a", "secret_key": "s"},
    ],
)
def test_a_bad_request_retries_nothing(api: TestClient, body: dict[str, Any]) -> None:
    row_id = failed_transfer()
    _bulk(api, 400, **({"dry_run": False} | body))
    assert transfer(row_id).attempt == 1


def test_the_states_of_the_filter_are_those_that_can_be_retried() -> None:
    assert set(get_args(BadEnd)) == set(bulk.BAD_ENDS)


def test_the_task_retries_by_id_and_its_refusals_fail_it(api: TestClient) -> None:
    row_id = failed_transfer()
    retry(str(row_id), reason="from Flower")
    assert transfer(row_id).attempt == 2
    assert api.get(f"/s3_data/{row_id}/events").json()[-1]["actor"] == "a Celery client"
    for bad, words in ((str(row_id), "accepted"), (str(uuid4()), "no transfer"), ("nonsense", "not an id")):
        with pytest.raises(Exception, match=words):
            retry(bad)


def test_jobs_get_the_resources_and_transfers_stay_as_they_are(api: TestClient) -> None:
    short, moved = ended_job(JobState.TIMEOUT), failed_transfer()
    done = _bulk(api, dry_run=False, resources={"time_limit_s": 7200})
    assert [item["refusal"] for item in done["items"]] == ["", ""]
    assert job(short).resources["time_limit_s"] == 7200
    assert (job(short).attempt, transfer(moved).attempt) == (2, 2)


@pytest.mark.parametrize("dry_run", [True, False])
def test_resources_that_a_cluster_does_not_allow_are_that_rows_refusal(
    api: TestClient,
    dry_run: bool,  # noqa: FBT001
) -> None:
    short, moved = ended_job(JobState.TIMEOUT), failed_transfer()
    done = _bulk(api, dry_run=dry_run, resources={"nodes": 64})
    refusals = {item["id"]: item["refusal"] for item in done["items"]}
    assert "64 nodes are more than the 4 ranks" in refusals[str(short)]
    assert refusals[str(moved)] == ""
    assert job(short).attempt == 1
    assert transfer(moved).attempt == (1 if dry_run else 2)


def test_a_users_bad_input_is_found_only_when_asked_for(api: TestClient) -> None:
    bad, lost = ended_job(JobState.FAILED, "no header"), ended_job(JobState.LOST)
    assert [item["id"] for item in _bulk(api)["items"]] == [str(lost)]
    [found] = _bulk(api, filter={"fault": ["input"]})["items"]
    assert (found["id"], found["fault"], found["reason"]) == (str(bad), "input", "no header")
    assert api.post("/retry", json={"filter": {"fault": ["inputs"]}}).status_code == 400


def test_a_bulk_cancel_lists_first_and_then_ends_all_that_the_filter_finds(api: TestClient) -> None:
    waiting, other = new_transfer(), new_transfer(kind="s3_result", path="x.csv")
    ended = failed_transfer()
    wanted = {"filter": {"kind": ["s3_data"]}}
    shown = api.post("/cancel", json=wanted).json()
    assert ([item["id"] for item in shown["items"]], shown["dry_run"]) == ([str(waiting)], True)
    assert transfer(waiting).state is TransferState.ACCEPTED
    done = api.post("/cancel", json=wanted | {"dry_run": False, "by": "ada", "reason": "a mistake"}).json()
    assert (done["found"], done["cancelled"]) == (1, 1)
    states = [transfer(each).state for each in (waiting, other, ended)]
    assert states == [TransferState.CANCELLED, TransferState.ACCEPTED, TransferState.FAILED]
    assert "ada" in {event["actor"] for event in api.get(f"/s3_data/{waiting}/events").json()}
    assert api.post("/cancel", json={"filter": {"state": ["failed"]}}).status_code == 400
