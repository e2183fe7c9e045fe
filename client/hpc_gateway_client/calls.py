"""The calls of the REST API, each described once: a method returns the steps that a client carries out."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote
from uuid import UUID

from hpc_gateway_client import steps, table_steps, waits
from hpc_gateway_client.answers import read_model
from hpc_gateway_client.models import (
    BulkCancelled,
    BulkRetried,
    Event,
    Infrastructure,
    Job,
    Log,
    Page,
    Telemetry,
    Transfer,
    TransferKind,
    Workflow,
)
from hpc_gateway_client.options import JobParams
from hpc_gateway_client.overview import Overview
from hpc_gateway_client.result_calls import ResultCalls
from hpc_gateway_client.steps import Call, FilterValue, Report, Row, Steps, present
from hpc_gateway_client.store import Store
from hpc_gateway_client.tables import TableJudgement

Resources = Mapping[str, object]
"""Requests to the scheduler: partition, nodes, time_limit_s, memory_bytes, account, grow and the like."""


class Calls(ResultCalls):
    """All calls of a client, with the cluster that they use and the store that they stage from."""

    def stage_in(
        self, key: str, dst: str, report: Report[Transfer] | None = None, timeout_s: float | None = None
    ) -> Steps[Transfer]:
        """Bring an object of the store to the cluster, and wait; `report` is called with every status."""
        return waits.stage("s3_data", self._transfer(key, dst=dst), report, timeout_s)

    def compute(
        self,
        services: str | Sequence[str],
        read_input_data: str,
        params: JobParams | Mapping[str, object] | None = None,
        report: Report[Job] | None = None,
        timeout_s: float | None = None,
        *,
        resources: Resources | None = None,
    ) -> Steps[Job]:
        """Run services on a file of the cluster, and wait; `report` is called with every status."""
        return waits.compute(self._job(services, read_input_data, params, resources), report, timeout_s)

    def stage_out(
        self, src: str, key: str, report: Report[Transfer] | None = None, timeout_s: float | None = None
    ) -> Steps[Transfer]:
        """Put a file of the cluster into the store, and wait; `report` is called with every status."""
        return waits.stage("s3_result", self._transfer(key, src=src), report, timeout_s)

    def start_stage_in(self, key: str, dst: str) -> Steps[Transfer]:
        """Start a `stage_in` without waiting."""
        return steps.request_transfer(Call("POST", "/s3_data", self._transfer(key, dst=dst)))

    def start_stage_out(self, src: str, key: str) -> Steps[Transfer]:
        """Start a `stage_out` without waiting."""
        return steps.request_transfer(Call("POST", "/s3_result", self._transfer(key, src=src)))

    def start_compute(
        self,
        services: str | Sequence[str],
        read_input_data: str,
        params: JobParams | Mapping[str, object] | None = None,
        *,
        resources: Resources | None = None,
    ) -> Steps[Job]:
        """Start a `compute` without waiting."""
        body = self._job(services, read_input_data, params, resources)
        return steps.request_one(Job, Call("POST", "/job", body))

    def wait(self, row: Row, report: Report[Row] | None = None, timeout_s: float | None = None) -> Steps[Row]:
        """Wait for the end of a transfer or a job; raise with its reason when it ended badly."""
        return waits.wait(row, report, timeout_s)

    def look(self, row: Row) -> Steps[Row]:
        """Return the row as it is now."""
        return steps.refresh(row)

    def find(self, row_id: UUID | str, kind: str = "") -> Steps[Transfer | Job]:
        """Return the transfer or job of an id, by one request where its kind is known."""
        return steps.find(row_id, kind)

    def transfers(self, /, kind: TransferKind, **filters: FilterValue) -> Steps[Page[Transfer]]:
        """List transfers; the filters are those of the REST API."""
        answer = yield from steps.send(Call("GET", f"/{kind}", params=present(filters)))
        return read_model(
            Page[Transfer],
            answer,
            lambda page: page | {"items": [item | {"kind": kind} for item in page["items"]]},
        )

    def jobs(self, /, **filters: FilterValue) -> Steps[Page[Job]]:
        """List jobs; the filters are those of the REST API."""
        return steps.request_one(Page[Job], Call("GET", "/job", params=present(filters)))

    def history(self, row: Transfer | Job | Workflow) -> Steps[list[Event]]:
        """Return the history of a transfer, a job or a workflow so far."""
        return steps.request_list(Event, Call("GET", f"{row.url}/events"))

    def cancel(self, row: Row, by: str = "", reason: str = "") -> Steps[Row]:
        """Stop a transfer or a job, or ask for it."""
        return steps.request_action(row, "cancel", {"by": by, "reason": reason})

    def retry(
        self,
        row: Row,
        by: str = "",
        reason: str = "",
        store: Store | None = None,
        *,
        resources: Resources | None = None,
    ) -> Steps[Row]:
        """Try again a row that ended badly; a transfer or a workflow in `store` gets its keys.

        A job may get other `resources`.
        """
        body: dict[str, object] = {"by": by, "reason": reason}
        if store is not None:
            fresh = (yield from self._fresh_access(row, store)) if isinstance(row, Workflow) else store.keys
            body |= fresh
        if resources:
            body["resources"] = dict(resources)
        return (yield from steps.request_action(row, "retry", body))

    def retry_many(
        self,
        filters: Mapping[str, FilterValue],
        by: str = "",
        reason: str = "",
        *,
        dry_run: bool = True,
        resources: Resources | None = None,
    ) -> Steps[BulkRetried]:
        """Try again every row that a filter finds and that ended badly, jobs with other `resources`."""
        body = {"filter": present(filters), "by": by, "reason": reason, "dry_run": dry_run}
        if resources:
            body["resources"] = dict(resources)
        return steps.request_one(BulkRetried, Call("POST", "/retry", body))

    def cancel_many(
        self, filters: Mapping[str, FilterValue], by: str = "", reason: str = "", *, dry_run: bool = True
    ) -> Steps[BulkCancelled]:
        """Cancel every row that a filter finds and that has not ended."""
        body = {"filter": present(filters), "by": by, "reason": reason, "dry_run": dry_run}
        return steps.request_one(BulkCancelled, Call("POST", "/cancel", body))

    def log(self, job: Job, stream: str = "stdout", offset: int | None = None) -> Steps[Log]:
        """Return a piece of a job's output, from the byte `offset` on."""
        wanted = present({"stream": stream, "offset": offset})
        return steps.request_one(Log, Call("GET", f"{job.url}/log", params=wanted))

    def table(self, row: Transfer, wait_s: float = 0.0) -> Steps[TableJudgement]:
        """Return how the kernels understand a staged table; wait for their judgement at most `wait_s`."""
        return table_steps.judged_table(row, wait_s)

    def check_table(
        self,
        row: Transfer,
        services: Sequence[str],
        params: Mapping[str, object] | None = None,
        wait_s: float = 60.0,
    ) -> Steps[TableJudgement]:
        """Return how the kernels understand a staged table; raise where a job with it would fail."""
        return table_steps.checked_table(row, services, params or {}, wait_s)

    def overview(self) -> Steps[Overview]:
        """Return queues, workers, clusters and recent failures."""
        return steps.request_one(Overview, Call("GET", "/overview"))

    def infrastructures(self) -> Steps[list[Infrastructure]]:
        """List the clusters."""
        return steps.request_list(Infrastructure, Call("GET", "/infrastructure"))

    def add_infrastructure(self, entry: Mapping[str, object]) -> Steps[Infrastructure]:
        """Add a cluster, or replace the entry of its name."""
        return steps.request_one(Infrastructure, Call("POST", "/infrastructure", entry))

    def remove_infrastructure(self, name: str) -> Steps[None]:
        """Remove a cluster that was added over REST, and that has no unfinished work."""
        return steps.request_nothing(Call("DELETE", f"/infrastructure/{quote(name, safe='')}"))

    def telemetry(self, name: str) -> Steps[Telemetry]:
        """Return a cluster's live figures."""
        return steps.request_one(Telemetry, Call("GET", f"/infrastructure/{name}/telemetry"))

    def _transfer(self, key: str, **path: str) -> dict[str, str]:
        return self._place(key) | {"infrastructure": self._infrastructure} | path

    def _job(
        self,
        services: str | Sequence[str],
        read_input_data: str,
        params: JobParams | Mapping[str, object] | None,
        resources: Resources | None,
    ) -> dict[str, object]:
        body: dict[str, object] = {
            "services": [services] if isinstance(services, str) else list(services),
            "infrastructure": self._infrastructure,
            "params": {"read_input_data": read_input_data, "table": {}, **(params or {})},
        }
        return body | {"resources": dict(resources)} if resources else body
