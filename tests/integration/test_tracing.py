"""Traces reach a collector: a small one that listens here."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from fastapi.testclient import TestClient
from opentelemetry import trace
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from sqlalchemy import Engine

from tests.bodies import DATA


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    bodies: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    yield bodies
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_request_and_the_task_that_it_sends_are_one_trace(
    received: list[bytes], database: Engine, broker: str
) -> None:
    from api.app import create_app  # noqa: PLC0415  see conftest

    with TestClient(create_app()) as api:
        assert api.post("/s3_data", json=DATA).status_code == 201
        api.get("/health/live")
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    provider.shutdown()
    CeleryInstrumentor().uninstrument()  # type: ignore[no-untyped-call]  # it has no types
    told = b"".join(received)
    assert b"POST /s3_data" in told
    assert b"apply_async/transfers.run" in told
    assert b"/health/live" not in told
    assert DATA["secret_key"].encode() not in told
