"""Tracing of requests and their tasks, for a configured collector and with the extra `otel`.

OpenTelemetry's own `OTEL_*` variables set the collector, the sampling and the rest. The packages are
imported only when tracing is enabled.
"""

import os

VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def is_enabled() -> bool:
    """Tell whether the environment names a collector."""
    return any(os.environ.get(name) for name in VARIABLES)


def start(service: str) -> None:
    """Send this process's traces to the collector; a task continues the trace of its request."""
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.celery import CeleryInstrumentor
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    CeleryInstrumentor().instrument()  # type: ignore[no-untyped-call]  # it has no types
