"""`Gateway.run`: the place of its results is checked before a byte moves, and its objects go away."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hpc_gateway_client import Gateway, GatewayClientError, Refused, Store
from hpc_gateway_client.errors import WorkflowFailed
from hpc_gateway_client.models import WorkflowOutput
from hpc_gateway_client.result_files import result_file
from tests.held_gateway import BUCKET, RESULT, HeldGateway
from tests.servers import served


@pytest.fixture
def held() -> HeldGateway:
    return HeldGateway()


@pytest.fixture
def gateway(held: HeldGateway) -> Iterator[Gateway]:
    with served(held.app) as url, Gateway(url, "demo", Store(url, BUCKET, "access", "secret")) as gateway:
        yield gateway


@pytest.fixture
def data(tmp_path: Path) -> Path:
    file = tmp_path / "data.csv"
    file.write_text("x\n1\n")
    return file


def test_a_result_is_saved_and_nothing_stays_in_the_store(
    held: HeldGateway, gateway: Gateway, data: Path
) -> None:
    gateway.run("fft", data, data.with_name("out.csv"))
    assert data.with_name("out.csv").read_bytes() == RESULT
    assert not held.objects


@pytest.mark.parametrize(
    ("services", "output", "words"),
    [
        ("fft", "data.csv", "is the input"),
        (["fft", "min_max"], "data.csv", "is a file, and there are 2 results"),
        (["fft", "min_max"], "there.csv", "is a file, and there are 2 results"),
        ("fft", "nowhere/out.csv", "there is no folder"),
    ],
)
def test_a_place_that_cannot_hold_the_results_is_refused_before_the_upload(
    held: HeldGateway, gateway: Gateway, data: Path, *, services: str | list[str], output: str, words: str
) -> None:
    data.with_name("there.csv").touch()
    before = data.read_text()
    with pytest.raises(GatewayClientError, match=words):
        gateway.run(services, data, data.parent / output)
    assert (held.objects, held.requests, data.read_text()) == ({}, [], before)


def test_several_results_have_a_file_each() -> None:
    files = {
        result_file(
            WorkflowOutput(service=service, path=f"x/{service}.csv", bytes=1, sha256="", job="job"),
            Path("data.csv"),
            "results",
            is_only=False,
        )
        for service in ("fft", "min_max")
    }
    assert files == {Path("results/data_fft.csv"), Path("results/data_min_max.csv")}


def test_the_input_of_a_refused_workflow_goes_away(held: HeldGateway, gateway: Gateway, data: Path) -> None:
    with pytest.raises(Refused):
        gateway.run("fft", data, params={"profiling_workspace": "/x"})
    assert not held.objects


def test_the_objects_of_a_failed_workflow_go_away(held: HeldGateway, gateway: Gateway, data: Path) -> None:
    held.failing = data.name
    with pytest.raises(WorkflowFailed):
        gateway.run("fft", data)
    assert not held.objects
