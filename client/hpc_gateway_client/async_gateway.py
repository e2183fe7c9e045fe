"""The async client: the same methods, awaited."""

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import httpx

from hpc_gateway_client import requests, steps
from hpc_gateway_client.models import (
    BulkRetried,
    Event,
    Infrastructure,
    Job,
    Log,
    Page,
    Telemetry,
    Transfer,
    TransferKind,
)
from hpc_gateway_client.overview import Overview
from hpc_gateway_client.requests import PATIENCE_S, TIMEOUT_S, Requests, identity
from hpc_gateway_client.steps import Call, Pause, Report, Result, Row, Steps
from hpc_gateway_client.store import Store


class AsyncGateway(Requests):
    """A gateway to talk to. Every method raises GatewayClientError when it cannot do what it says.

    `token` is an API key or a JWT, for a gateway with accounts.
    """

    def __init__(
        self,
        url: str,
        infrastructure: str = "",
        store: Store | None = None,
        *,
        token: str | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        super().__init__(url, infrastructure, store, patience_s=patience_s)
        self._http = httpx.AsyncClient(
            base_url=self.url, headers=identity(token), timeout=TIMEOUT_S, follow_redirects=True
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def stage_in(
        self, key: str, dst: str, report: Report[Transfer] | None = None, timeout_s: float | None = None
    ) -> Transfer:
        """Bring an object of the store to the cluster, and wait; `report` is told every status on the way."""
        return await self._do(steps.stage("s3_data", self._transfer(key, dst=dst), report, timeout_s))

    async def compute(
        self,
        services: Sequence[str],
        read_input_data: str,
        params: Mapping[str, Any] | None = None,
        report: Report[Job] | None = None,
        timeout_s: float | None = None,
    ) -> Job:
        """Run services on a file of the cluster, and wait."""
        return await self._do(steps.compute(self._job(services, read_input_data, params), report, timeout_s))

    async def stage_out(
        self, src: str, key: str, report: Report[Transfer] | None = None, timeout_s: float | None = None
    ) -> Transfer:
        """Put a file of the cluster into the store, and wait."""
        return await self._do(steps.stage("s3_result", self._transfer(key, src=src), report, timeout_s))

    async def start_stage_in(self, key: str, dst: str) -> Transfer:
        """Start what `stage_in` does, without waiting."""
        return await self._do(steps.transfer(Call("POST", "/s3_data", self._transfer(key, dst=dst))))

    async def start_stage_out(self, src: str, key: str) -> Transfer:
        """Start what `stage_out` does, without waiting."""
        return await self._do(steps.transfer(Call("POST", "/s3_result", self._transfer(key, src=src))))

    async def start_compute(
        self, services: Sequence[str], read_input_data: str, params: Mapping[str, Any] | None = None
    ) -> Job:
        """Start what `compute` does, without waiting."""
        body = self._job(services, read_input_data, params)
        return await self._do(steps.one(Job, Call("POST", "/job", body)))

    async def wait(self, row: Row, report: Report[Row] | None = None, timeout_s: float | None = None) -> Row:
        """Wait for the end of a transfer or a job; raise with its reason when it ended badly."""
        return await self._do(steps.wait(row, report, timeout_s))

    async def look(self, row: Row) -> Row:
        """Return the row as it is now."""
        return await self._do(steps.look(row))

    async def find(self, row_id: UUID | str) -> Transfer | Job:
        """Return the transfer or job of an id."""
        return await self._do(steps.find(row_id))

    async def transfers(self, kind: TransferKind, **filters: Any) -> Page[Transfer]:
        """List transfers; the filters are those of the REST API."""
        return await self._do(requests.transfers(kind, filters))

    async def jobs(self, **filters: Any) -> Page[Job]:
        """List jobs; the filters are those of the REST API."""
        return await self._do(requests.jobs(filters))

    async def events(self, row: Transfer | Job) -> list[Event]:
        """Return everything that happened to a transfer or a job."""
        return await self._do(steps.many(Event, Call("GET", f"{row.url}/events")))

    async def cancel(self, row: Row, by: str = "", reason: str = "") -> Row:
        """Stop a transfer or a job, or ask for it."""
        return await self._do(steps.again(row, "cancel", requests.action(by, reason)))

    async def retry(self, row: Row, by: str = "", reason: str = "", store: Store | None = None) -> Row:
        """Try again what ended badly, with the keys of `store` where one is given."""
        return await self._do(steps.again(row, "retry", requests.action(by, reason, store)))

    async def retry_many(
        self, filters: Mapping[str, Any], by: str = "", reason: str = "", *, dry_run: bool = True
    ) -> BulkRetried:
        """Try again everything that a filter finds."""
        return await self._do(steps.one(BulkRetried, requests.bulk(filters, by, reason, dry_run=dry_run)))

    async def log(self, job: Job, stream: str = "stdout", offset: int | None = None) -> Log:
        """Return what a job has written, from the byte `offset` on."""
        wanted = {"stream": stream} | ({} if offset is None else {"offset": str(offset)})
        return await self._do(steps.one(Log, Call("GET", f"{job.url}/log", params=wanted)))

    async def overview(self) -> Overview:
        """Return the whole gateway on one screen."""
        return await self._do(steps.one(Overview, Call("GET", "/overview")))

    async def infrastructures(self) -> list[Infrastructure]:
        """List the clusters."""
        return await self._do(steps.many(Infrastructure, Call("GET", "/infrastructure")))

    async def add_infrastructure(self, entry: Mapping[str, Any]) -> Infrastructure:
        """Add a cluster, or replace the entry of its name."""
        return await self._do(steps.one(Infrastructure, Call("POST", "/infrastructure", entry)))

    async def telemetry(self, name: str) -> Telemetry:
        """Return a cluster's live figures."""
        return await self._do(steps.one(Telemetry, Call("GET", f"/infrastructure/{name}/telemetry")))

    async def _do(self, wanted: Steps[Result]) -> Result:
        answer: httpx.Response | httpx.TransportError | None = None
        while True:
            try:
                step = wanted.send(answer)
            except StopIteration as end:
                result: Result = end.value
                return result
            if isinstance(step, Pause):
                step.check(self.patience_s)
                await asyncio.sleep(step.seconds)
                answer = None
            else:
                answer = await self._call(step)

    async def _call(self, call: Call) -> httpx.Response | httpx.TransportError:
        try:
            return await self._http.request(
                call.method, call.path, json=call.body, params=call.params, headers=call.headers
            )
        except httpx.TransportError as error:
            return error
