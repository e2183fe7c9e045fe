"""The blocking client."""

import time
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

import httpx

from hpc_gateway_client.calls import Calls
from hpc_gateway_client.client import TIMEOUT_S, Client, describe_method
from hpc_gateway_client.steps import Answer, Call, Pause, Steps

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def blocking_method(
    call: Callable[Concatenate[Calls, Parameters], Steps[Result]],
) -> Callable[Concatenate["Gateway", Parameters], Result]:
    """Return the method that carries out a call and returns its result."""

    def method(gateway: "Gateway", /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        return gateway.run(call(gateway.calls, *args, **kwargs))

    return describe_method(method, call)


class Gateway(Client[httpx.Client]):
    """The blocking client: a method returns when its call has been carried out."""

    stage_in = blocking_method(Calls.stage_in)
    compute = blocking_method(Calls.compute)
    stage_out = blocking_method(Calls.stage_out)
    start_stage_in = blocking_method(Calls.start_stage_in)
    start_compute = blocking_method(Calls.start_compute)
    start_stage_out = blocking_method(Calls.start_stage_out)
    wait = blocking_method(Calls.wait)
    look = blocking_method(Calls.look)
    find = blocking_method(Calls.find)
    transfers = blocking_method(Calls.transfers)
    jobs = blocking_method(Calls.jobs)
    events = blocking_method(Calls.events)
    cancel = blocking_method(Calls.cancel)
    retry = blocking_method(Calls.retry)
    retry_many = blocking_method(Calls.retry_many)
    log = blocking_method(Calls.log)
    table = blocking_method(Calls.table)
    preview = blocking_method(Calls.preview)
    overview = blocking_method(Calls.overview)
    infrastructures = blocking_method(Calls.infrastructures)
    add_infrastructure = blocking_method(Calls.add_infrastructure)
    telemetry = blocking_method(Calls.telemetry)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def run(self, steps: Steps[Result]) -> Result:
        """Carry out steps, and return their result."""
        go_on = partial(steps.send, None)
        while True:
            try:
                step = go_on()
            except StopIteration as end:
                result: Result = end.value
                return result
            try:
                go_on = partial(steps.send, self._carry_out(step))
            except BaseException as error:  # noqa: BLE001  the steps raise it again, interrupts too
                go_on = partial(steps.throw, error)

    def _carry_out(self, step: Call | Pause) -> Answer:
        if isinstance(step, Pause):
            step.check(self.patience_s)
            time.sleep(step.seconds)
            return None
        try:
            return self._http.request(
                step.method, step.path, json=step.body, params=step.params, headers=step.headers
            )
        except httpx.TransportError as error:
            return error

    def _connect(self, headers: dict[str, str]) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=headers, timeout=TIMEOUT_S, follow_redirects=True)
