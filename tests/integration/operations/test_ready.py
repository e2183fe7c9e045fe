"""Readiness with accounts: names and health for everyone, reasons for operators alone."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from gateway import leases
from gateway.callers import Scope
from gateway.clusters.heartbeats import record_heartbeat
from gateway.db import get_engine, session_scope
from gateway.settings import get_settings
from tests.identity import bearer, new_key

SECRET_PATH = "/home/ada/secret-project"
REASON = f"not a folder: {SECRET_PATH}"


@pytest.fixture
def unwell(with_keys: TestClient) -> TestClient:
    with session_scope() as session:
        assert leases.acquire_lease(session, leases.watcher_lease("hpc"), "worker@node", 30)
        record_heartbeat(session, "hpc", "worker@node", "", REASON)
    return with_keys


def _cluster(api: TestClient, headers: dict[str, str]) -> dict[str, str]:
    answer = api.get("/health/ready", headers=headers)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    assert found["checks"] == {"database": "ok", "broker": "ok"}
    parts: dict[str, str] = found["clusters"]["hpc"]
    return parts


@pytest.mark.parametrize("headers", [{}, bearer("nonsense"), {"Authorization": "Basic x"}])
def test_a_stranger_sees_no_reason(unwell: TestClient, headers: dict[str, str]) -> None:
    assert _cluster(unwell, headers) == {"worker": "ok", "scheduler": "ok", "filesystem": "not ok"}
    assert SECRET_PATH not in unwell.get("/health/ready", headers=headers).text


def test_a_user_sees_no_reason(unwell: TestClient) -> None:
    assert _cluster(unwell, bearer(new_key("eve")))["filesystem"] == "not ok"


@pytest.mark.parametrize("scope", [Scope.OPERATOR, Scope.ADMIN])
def test_an_operator_sees_the_reason(unwell: TestClient, scope: Scope) -> None:
    assert _cluster(unwell, bearer(new_key("op", scope)))["filesystem"] == REASON


def test_without_accounts_the_reasons_are_shown(unwell: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_AUTH", "none")
    get_settings.cache_clear()
    assert _cluster(unwell, {})["filesystem"] == REASON


def test_a_database_that_is_away_is_503_without_a_wait_for_it(
    unwell: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    key = new_key("op", Scope.OPERATOR)
    monkeypatch.setenv("GATEWAY_DATABASE_URL", f"sqlite:///{tmp_path}/away/gateway.db")
    monkeypatch.setenv("GATEWAY_DATABASE_WAIT_S", "3600")
    get_settings.cache_clear()
    get_engine().dispose()
    get_engine.cache_clear()
    answer = unwell.get("/health/ready", headers=bearer(key))
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "unavailable",
        "checks": {"database": "not ok", "broker": "ok"},
        "clusters": {},
    }
