"""Reads of waiting rows: without a worker they say so, also where no sweep has written it."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from gateway.db import due_in, session_scope
from gateway.leases import acquire_lease, watcher_lease
from gateway.models import Job, Transfer
from gateway.states import JobState
from gateway.work.unserved import AFTER_S
from tests.rows import new_job, new_transfer

UNSERVED = "no worker is connected to 'hpc'; it waits until one connects"


def waiting(kind: str, **values: Any) -> str:
    """Return the URL of a row that has waited for longer than a worker needs to start."""
    row_id = new_job("fft") if kind == "job" else new_transfer(kind)
    model = Job if kind == "job" else Transfer
    waits = {"queued_at": due_in(-AFTER_S - 1)} | values
    with session_scope() as session:
        session.execute(update(model).where(model.id == row_id).values(waits))
    return f"/{kind}/{row_id}"


def shown(api: TestClient, url: str) -> str:
    """Return the reason, which a list shows as well."""
    reason = str(api.get(url).json()["reason"])
    (listed,) = api.get(url.rpartition("/")[0]).json()["items"]
    assert listed["reason"] == reason
    return reason


@pytest.mark.parametrize("kind", ["job", "data", "s3_data", "s3_result"])
def test_a_waiting_row_tells_that_no_worker_is_connected_until_one_is(api: TestClient, kind: str) -> None:
    url = waiting(kind)
    before = api.get(url)
    assert shown(api, url) == UNSERVED
    with session_scope() as session:
        acquire_lease(session, watcher_lease("another"), "w1", 60)
        acquire_lease(session, watcher_lease("hpc"), "w1", -1)
    assert shown(api, url) == UNSERVED
    with session_scope() as session:
        acquire_lease(session, watcher_lease("hpc"), "w1", 60)
    assert shown(api, url) == ""
    assert api.get(url).headers["ETag"] != before.headers["ETag"]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"queued_at": due_in(0)}, ""),
        ({"lease_until": due_in(60)}, ""),
        ({"lease_until": due_in(-AFTER_S - 1)}, UNSERVED),
        ({"state": JobState.RETRYING, "reason": "the scheduler is away"}, "the scheduler is away"),
        ({"state": JobState.RUNNING}, ""),
        ({"state": JobState.FAILED}, ""),
    ],
    ids=["new", "claimed", "claim over", "with a reason", "running", "ended"],
)
def test_only_a_row_that_waits_without_another_reason_tells_it(
    api: TestClient, values: dict[str, Any], reason: str
) -> None:
    assert shown(api, waiting("job", **values)) == reason


def test_a_prefix_is_judged_by_its_files(api: TestClient) -> None:
    url = waiting("s3_data", children={"total": 2})
    assert shown(api, url) == ""
