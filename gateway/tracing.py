"""Traces of requests and their tasks, when a collector is named and the extra `otel` is installed.

The collector, the sampling and all else come from OpenTelemetry's own `OTEL_*` variables. The packages
are imported only then.
"""

import os

VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def is_enabled() -> bool:
    """Tell whether somebody has named a collector."""
    return any(os.environ.get(name) for name in VARIABLES)


def start(service: str) -> None:
    """Send this process's traces to the collector; a task continues the trace of who sent it."""
    from opentelemetry import trace  # noqa: PLC0415  the extra
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.instrumentation.celery import CeleryInstrumentor  # noqa: PLC0415
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    CeleryInstrumentor().instrument()  # type: ignore[no-untyped-call]  # it has no types
