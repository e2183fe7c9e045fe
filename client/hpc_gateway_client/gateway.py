"""The blocking client."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import partial
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

import httpx

from hpc_gateway_client.answers import read_content
from hpc_gateway_client.calls import Calls
from hpc_gateway_client.client import TIMEOUT_S, Client, describe_method
from hpc_gateway_client.errors import GatewayClientError
from hpc_gateway_client.event_stream import SILENCE_S, follow_events
from hpc_gateway_client.listeners import BlockingListener
from hpc_gateway_client.models import Event, Job, Output, Page, Transfer, Workflow
from hpc_gateway_client.notebook import text_html
from hpc_gateway_client.pictures.picture import Picture
from hpc_gateway_client.result_calls import drawable, picture_call
from hpc_gateway_client.steps import Answer, Call, Local, Open, Pause, Step, Steps

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
MOST_PICTURES = 4


def blocking_method(
    call: Callable[Concatenate[Calls, Parameters], Steps[Result]],
) -> Callable[Concatenate["Gateway", Parameters], Result]:
    """Return the method that carries out a call and returns its result."""

    def method(gateway: "Gateway", /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        return gateway.carry_out(call(gateway.calls, *args, **kwargs))

    return describe_method(method, call)


class Gateway(Client[httpx.Client]):
    """The blocking client: a method returns when its call has been carried out."""

    run = blocking_method(Calls.run)
    upload = blocking_method(Calls.upload)
    start_workflow = blocking_method(Calls.start_workflow)
    check_workflow = blocking_method(Calls.check_workflow)
    workflow = blocking_method(Calls.workflow)
    workflows = blocking_method(Calls.workflows)
    members = blocking_method(Calls.members)
    results = blocking_method(Calls.results)
    start_results = blocking_method(Calls.start_results)
    save_result = blocking_method(Calls.save_result)
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
    history = blocking_method(Calls.history)
    cancel = blocking_method(Calls.cancel)
    retry = blocking_method(Calls.retry)
    retry_many = blocking_method(Calls.retry_many)
    cancel_many = blocking_method(Calls.cancel_many)
    log = blocking_method(Calls.log)
    table = blocking_method(Calls.table)
    check_table = blocking_method(Calls.check_table)
    preview = blocking_method(Calls.preview)
    picture = blocking_method(Calls.picture)
    result = blocking_method(Calls.result)
    overview = blocking_method(Calls.overview)
    infrastructures = blocking_method(Calls.infrastructures)
    add_infrastructure = blocking_method(Calls.add_infrastructure)
    remove_infrastructure = blocking_method(Calls.remove_infrastructure)
    telemetry = blocking_method(Calls.telemetry)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def events(
        self, row: Transfer | Job | Workflow | None = None, last_event_id: str = ""
    ) -> Iterator[Event]:
        """Yield the events of a row until it has ended, from its first one; without a row, all from now on.

        They arrive as they happen; a gateway without streams is asked with `?wait=`. An event's `cursor` is
        the `last_event_id` from which another call goes on.
        """
        return follow_events(self, row, last_event_id)

    def open_stream(self, path: str, headers: Mapping[str, str]) -> AbstractContextManager[httpx.Response]:
        """Open a stream of events."""
        timeout = httpx.Timeout(TIMEOUT_S, read=SILENCE_S)
        return self._http.stream("GET", path, headers=dict(headers), timeout=timeout)

    def draw(self, row: Transfer | Job | Workflow) -> list[str]:
        """Return the pictures of a row's results as HTML, as far as there are some."""
        if isinstance(row, Transfer) or not row.succeeded:
            return []
        return [self._draw(row, made) for made in drawable(row)[:MOST_PICTURES]]

    def _draw(self, row: Job | Workflow, made: Output) -> str:
        """Return a picture, or the reason why there is none: a notebook does not wait for a gateway."""
        try:
            answer = self._do(picture_call(row, made))
            if not isinstance(answer, httpx.Response):
                return text_html(f"no picture: {self.url} does not answer")
            return Picture.read(read_content(answer))._repr_html_()
        except GatewayClientError as error:
            return text_html(f"no picture of {made.service}: {error}")

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def carry_out(self, steps: Steps[Result]) -> Result:
        """Carry out steps, and return their result."""
        go_on = partial(steps.send, None)
        while True:
            try:
                step = go_on()
            except StopIteration as end:
                result: Result = end.value
                for row in rows_of(result):
                    row.origin.draw = self.draw
                return result
            try:
                go_on = partial(steps.send, self._do(step))
            except BaseException as error:  # noqa: BLE001  the steps raise it again, interrupts too
                go_on = partial(steps.throw, error)

    def _do(self, step: Step) -> Answer:
        if isinstance(step, Call):
            return self._send(step)
        if isinstance(step, Open):
            return self._listened(lambda: BlockingListener(self, step.workflow))
        if isinstance(step, Pause):
            step.check(self.patience_s, self.url)
            time.sleep(step.seconds)
        elif isinstance(step, Local):
            step.do()
        elif isinstance(step.listener, BlockingListener):
            step.listener.wait(step.seconds)
        return None

    def _send(self, step: Call) -> Answer:
        try:
            return self._http.request(
                step.method,
                step.path,
                json=step.body,
                params=step.params,
                headers=step.headers,
                follow_redirects=step.follows,
            )
        except httpx.RequestError as error:
            return error

    def _connect(self, headers: dict[str, str]) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=headers, timeout=TIMEOUT_S, follow_redirects=True)


def rows_of(result: object) -> list[Transfer | Job | Workflow]:
    """Return the rows that a call has answered with: one, those of a page, or none."""
    found = result.items if isinstance(result, Page) else [result]
    return [row for row in found if isinstance(row, Transfer | Job | Workflow)]
