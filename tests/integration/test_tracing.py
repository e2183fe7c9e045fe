"""Traces reach a collector; tests/acceptance checks that a request and its tasks share one."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from opentelemetry import trace
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from sqlalchemy import Engine

from tests.bodies import DATA
from tests.collector import Collector, listening


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with listening() as found:
        for name, value in found.settings.items():
            monkeypatch.setenv(name, value)
        yield found


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_request_and_its_sending_are_one_trace_and_health_checks_are_none(
    collector: Collector, database: Engine, sends: None
) -> None:
    from api.app import create_app  # noqa: PLC0415  see conftest

    with TestClient(create_app()) as api:
        assert api.post("/s3_data", json=DATA).status_code == 201
        api.get("/health/live")
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    provider.shutdown()
    CeleryInstrumentor().uninstrument()  # type: ignore[no-untyped-call]  # it has no types
    traces = {span.name: span.trace for span in collector.spans()}
    assert traces["POST /s3_data"] == traces["apply_async/transfers.run"]
    assert not any("/health/live" in name for name in traces)
    assert not any(DATA["secret_key"].encode() in body for body in collector.bodies)
