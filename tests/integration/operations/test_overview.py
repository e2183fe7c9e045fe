"""The health of clusters, and the overview of the whole gateway."""

import threading
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from gateway import leases
from gateway.clusters import heartbeats
from gateway.clusters.configuration import configured_clusters
from gateway.db import db_now, session_scope
from gateway.errors import SchedulerUnavailable
from gateway.models import Heartbeat, Transfer
from gateway.schedulers.opening import open_scheduler
from gateway.states import JobState
from tests.ended_rows import ended_job, failed_transfer
from tests.rows import new_job, new_transfer
from workers.cluster_health import HealthCheck


def _serve(name: str) -> None:
    with session_scope() as session:
        assert leases.acquire_lease(session, leases.watcher_lease(name), "worker@node", 30)


def _health(api: TestClient) -> dict[str, str]:
    pulse: dict[str, str] = api.get("/health/ready").json()["clusters"]["hpc"]
    return pulse


def test_a_cluster_is_ready_when_its_worker_says_so(api: TestClient) -> None:
    assert "no worker" in _health(api)["worker"]
    _serve("hpc")
    assert _health(api) == {"worker": "ok", "scheduler": "not tried yet", "filesystem": "not tried yet"}
    cluster = configured_clusters()["hpc"]
    HealthCheck(cluster, open_scheduler(cluster), "worker@node").run_if_due()
    assert _health(api) == {"worker": "ok", "scheduler": "ok", "filesystem": "ok"}
    with session_scope() as session:
        session.execute(update(Heartbeat).values(at=db_now(-heartbeats.VALID_S - 1)))
    assert _health(api)["scheduler"] == "not tried yet"


def test_what_is_wrong_on_a_cluster_is_told_apart(
    api: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _serve("hpc")
    cluster = configured_clusters()["hpc"]
    scheduler = open_scheduler(cluster)

    def away() -> None:
        raise SchedulerUnavailable("the controller does not answer")

    monkeypatch.setattr(scheduler, "check", away)
    (tmp_path / "home").rename(tmp_path / "gone")
    HealthCheck(cluster, scheduler, "worker@node").run_if_due()
    assert _health(api) == {
        "worker": "ok",
        "scheduler": "the controller does not answer",
        "filesystem": f"not a folder: {tmp_path / 'home'}",
    }


def test_a_filesystem_that_hangs_is_said_and_does_not_hang_the_watcher(
    api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    _serve("hpc")
    release = threading.Event()
    cluster = configured_clusters()["hpc"]
    check = HealthCheck(cluster, open_scheduler(cluster), "w")
    with monkeypatch.context() as hanging:
        hanging.setattr("workers.cluster_health.missing_folders", lambda _: [str(release.wait(30))])
        hanging.setattr("workers.cluster_health.FILESYSTEM_TIMEOUT_S", 0.1)
        check.run_if_due()
    release.set()
    assert "has not answered" in api.get("/health/ready").json()["clusters"]["hpc"]["filesystem"]


def test_the_overview_counts_what_waits_and_groups_what_failed(api: TestClient) -> None:
    for _ in range(3):
        failed_transfer("NoSuchBucket: recordings")
    ended_job(JobState.TIMEOUT, "the time limit is over")
    cancelled = new_transfer()
    api.post(f"/s3_data/{cancelled}/cancel")
    new_job("fft")
    _serve("hpc")
    seen: dict[str, Any] = api.get("/overview").json()
    assert seen["broker"] == ""
    assert seen["queues"].keys() == {"housekeeping", "hpc", "unserved"}
    assert [(f["kind"], f["reason"], f["count"]) for f in seen["failures"]] == [
        ("s3_data", "NoSuchBucket: recordings", 3),
        ("job", "the time limit is over", 1),
    ]
    counts = {(c["kind"], c["state"]): c["count"] for c in seen["work"]}
    assert counts == {
        ("s3_data", "failed"): 3,
        ("s3_data", "cancelled"): 1,
        ("job", "timeout"): 1,
        ("job", "accepted"): 1,
    }
    assert seen["waiting_since"].keys() == {"hpc"}
    assert 0 <= seen["rounds_s"]["watch:hpc"] < 5
    assert seen["clusters"]["unserved"]["worker"].startswith("no worker")


def test_old_failures_are_not_in_the_overview(api: TestClient) -> None:
    failed_transfer()
    with session_scope() as session:
        session.execute(update(Transfer).values(ended_at=db_now(-3700)))
    assert api.get("/overview").json()["failures"] == []
