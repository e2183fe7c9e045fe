"""Both clients have every call, with its parameters, its docstring and the type of its result."""

import inspect
from typing import assert_type

import pytest

from hpc_gateway_client import AsyncGateway, Gateway, Job, Page, Transfer
from hpc_gateway_client.calls import Calls
from hpc_gateway_client.models import Event
from hpc_gateway_client.steps import Report

CALLS = [name for name in dir(Calls) if not name.startswith("_")]


@pytest.mark.parametrize("client", [Gateway, AsyncGateway])
@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_a_method_of_both_clients(client: type[Gateway | AsyncGateway], name: str) -> None:
    method, call = getattr(client, name), getattr(Calls, name)
    assert (method.__doc__, method.__name__) == (call.__doc__, name)
    assert inspect.signature(method).parameters == inspect.signature(call).parameters
    assert inspect.iscoroutinefunction(method) == (client is AsyncGateway)


def test_a_method_returns_the_result_of_its_steps() -> None:
    assert inspect.signature(Gateway.stage_in).return_annotation is Transfer
    assert inspect.signature(AsyncGateway.jobs).return_annotation == Page[Job]


def types_of_the_blocking_client(gateway: Gateway, job: Job, either: Transfer | Job) -> None:
    """Hold the static types, which mypy checks in the gate."""
    assert_type(gateway.stage_in("key", "dst"), Transfer)
    assert_type(gateway.compute(["fft"], "/x.csv", timeout_s=1.0), Job)
    assert_type(gateway.jobs(state=["failed"], limit=2), Page[Job])
    assert_type(gateway.transfers("data"), Page[Transfer])
    assert_type(gateway.history(job), list[Event])
    assert_type(gateway.find("id"), Transfer | Job)
    assert_type(gateway.wait(job), Job)
    assert_type(gateway.cancel(either), Transfer | Job)
    gateway.stage_in("key")  # type: ignore[call-arg]  # `dst` is missing
    gateway.log(job, ofset=2)  # type: ignore[call-arg]  # there is no such parameter


async def types_of_the_async_client(gateway: AsyncGateway, job: Job, report: Report[Job]) -> None:
    """Hold the static types, which mypy checks in the gate."""
    assert_type(await gateway.stage_out("src", "key"), Transfer)
    assert_type(await gateway.jobs(), Page[Job])
    assert_type(await gateway.wait(job, report), Job)
    assert_type(await gateway.retry(job, "ada"), Job)
    assert_type(await gateway.find("id"), Transfer | Job)
    await gateway.stage_in("key", dst=1)  # type: ignore[arg-type]  # `dst` is a string
