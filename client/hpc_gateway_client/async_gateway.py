"""The async client: the methods of the blocking client, awaited."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx

from hpc_gateway_client.calls import Calls
from hpc_gateway_client.client import TIMEOUT_S, Client, describe_method
from hpc_gateway_client.event_stream import SILENCE_S, follow_events_async
from hpc_gateway_client.listeners import AsyncListener
from hpc_gateway_client.models import Event, Job, Transfer, Workflow
from hpc_gateway_client.steps import Answer, Call, Local, Open, Pause, Step, Steps

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def async_method(
    call: Callable[Concatenate[Calls, Parameters], Steps[Result]],
) -> Callable[Concatenate["AsyncGateway", Parameters], Coroutine[Any, Any, Result]]:
    """Return the coroutine method that carries out a call and returns its result."""

    async def method(
        gateway: "AsyncGateway", /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Result:
        return await gateway.carry_out(call(gateway.calls, *args, **kwargs))

    return describe_method(method, call)


class AsyncGateway(Client[httpx.AsyncClient]):
    """The async client: its methods are coroutines, and other tasks run while a call is carried out."""

    run = async_method(Calls.run)
    upload = async_method(Calls.upload)
    start_workflow = async_method(Calls.start_workflow)
    check_workflow = async_method(Calls.check_workflow)
    workflow = async_method(Calls.workflow)
    workflows = async_method(Calls.workflows)
    members = async_method(Calls.members)
    results = async_method(Calls.results)
    start_results = async_method(Calls.start_results)
    save_result = async_method(Calls.save_result)
    stage_in = async_method(Calls.stage_in)
    compute = async_method(Calls.compute)
    stage_out = async_method(Calls.stage_out)
    start_stage_in = async_method(Calls.start_stage_in)
    start_compute = async_method(Calls.start_compute)
    start_stage_out = async_method(Calls.start_stage_out)
    wait = async_method(Calls.wait)
    look = async_method(Calls.look)
    find = async_method(Calls.find)
    transfers = async_method(Calls.transfers)
    jobs = async_method(Calls.jobs)
    history = async_method(Calls.history)
    cancel = async_method(Calls.cancel)
    retry = async_method(Calls.retry)
    retry_many = async_method(Calls.retry_many)
    cancel_many = async_method(Calls.cancel_many)
    log = async_method(Calls.log)
    table = async_method(Calls.table)
    check_table = async_method(Calls.check_table)
    preview = async_method(Calls.preview)
    picture = async_method(Calls.picture)
    result = async_method(Calls.result)
    overview = async_method(Calls.overview)
    infrastructures = async_method(Calls.infrastructures)
    add_infrastructure = async_method(Calls.add_infrastructure)
    remove_infrastructure = async_method(Calls.remove_infrastructure)
    telemetry = async_method(Calls.telemetry)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def events(
        self, row: Transfer | Job | Workflow | None = None, last_event_id: str = ""
    ) -> AsyncIterator[Event]:
        """Yield the events of a row until it has ended, from its first one; without a row, all from now on.

        They arrive as they happen; a gateway without streams is asked with `?wait=`. An event's `cursor` is
        the `last_event_id` from which another call goes on.
        """
        return follow_events_async(self, row, last_event_id)

    def open_stream(
        self, path: str, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[httpx.Response]:
        """Open a stream of events."""
        timeout = httpx.Timeout(TIMEOUT_S, read=SILENCE_S)
        return self._http.stream("GET", path, headers=dict(headers), timeout=timeout)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def carry_out(self, steps: Steps[Result]) -> Result:
        """Carry out steps, and return their result."""
        go_on = partial(steps.send, None)
        while True:
            try:
                step = go_on()
            except StopIteration as end:
                result: Result = end.value
                return result
            try:
                go_on = partial(steps.send, await self._do(step))
            except BaseException as error:  # noqa: BLE001  the steps raise it again, interrupts too
                go_on = partial(steps.throw, error)

    async def _do(self, step: Step) -> Answer:
        if isinstance(step, Call):
            return await self._send(step)
        if isinstance(step, Open):
            return self._listened(lambda: AsyncListener(self, step.workflow))
        if isinstance(step, Pause):
            step.check(self.patience_s, self.url)
            await asyncio.sleep(step.seconds)
        elif isinstance(step, Local):
            await asyncio.to_thread(step.do)
        elif isinstance(step.listener, AsyncListener):
            await step.listener.wait(step.seconds)
        return None

    async def _send(self, step: Call) -> Answer:
        try:
            return await self._http.request(
                step.method,
                step.path,
                json=step.body,
                params=step.params,
                headers=step.headers,
                follow_redirects=step.follows,
            )
        except httpx.RequestError as error:
            return error

    def _connect(self, headers: dict[str, str]) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=TIMEOUT_S, follow_redirects=True)
