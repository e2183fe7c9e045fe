"""A request and the tasks that carry it out are one trace, over the queue and from process to process."""

from tests.client import DATA, Client
from tests.collector import Collector, Span
from tests.polling import until


def steps_of(collector: Collector, request: str) -> list[set[Span]]:
    """Return the spans of each trace that began with the request."""
    spans = collector.spans()
    begun = [span.trace for span in spans if span.name == request]
    return [{span for span in spans if span.trace == trace} for trace in begun]


def test_a_transfer_is_one_trace_from_the_request_to_the_worker(client: Client, collector: Collector) -> None:
    client.put("traced.csv", b"x\n1\n")
    done = client.moved("/s3_data", client.stage_in("traced.csv", f"{DATA}/traced.csv"))
    assert done["status"] == "completed"
    told = {("hpc-gateway-api", "POST /s3_data"), ("hpc-gateway-worker", "run/transfers.run")}

    def one_of_them_is_whole() -> bool:
        traces = steps_of(collector, "POST /s3_data")
        return any(told <= {(span.service, span.name) for span in spans} for spans in traces)

    until("request and task are one trace", one_of_them_is_whole)
