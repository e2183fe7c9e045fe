"""Pictures of runs, by `hpc-gateway run` and by the Python client, whose input may be an array or a frame."""

import asyncio
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from hpc_gateway_client import AsyncGateway, Gateway, GatewayClientError, Picture, Store
from tests.held_gateway import BUCKET, RESULT, HeldGateway
from tests.run_command import running
from tests.servers import served
from tests.unit.client.test_pictures import HOSTILE, preview

DRAWN = preview([0, 1, None, 2], name=HOSTILE)


@pytest.fixture
def held() -> HeldGateway:
    gateway = HeldGateway()
    gateway.preview = DRAWN
    return gateway


@pytest.fixture
def base(held: HeldGateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.chdir(tmp_path)
    with served(held.app) as base:
        yield base


def _store(base: str) -> Store:
    return Store(base, BUCKET, "access", "secret")


@pytest.mark.parametrize("option", ["--plot", "--terminal"])
def test_the_command_draws_its_result(tmp_path: Path, held: HeldGateway, option: str) -> None:
    with running(tmp_path, held) as run:
        process = run.start("run", "fft", "a file.csv", "--on", "demo", option)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert (tmp_path / "a file_fft.csv").read_bytes() == RESULT
    png = tmp_path / "a file_fft.png"
    if option == "--plot":
        assert png.read_bytes().startswith(b"\x89PNG")
        assert str(png.name) in err
    else:
        assert not png.exists()
        assert "▀" in err
    assert all(line.isprintable() for line in err.split("\n"))


def test_a_run_without_a_preview_has_succeeded(tmp_path: Path) -> None:
    with running(tmp_path, HeldGateway()) as run:
        process = run.start("run", "fft", "a file.csv", "--on", "demo", "--plot")
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert (tmp_path / "a file_fft.csv").read_bytes() == RESULT
    assert "no picture of fft: there is no such row" in err


def test_a_run_that_is_not_waited_for_has_no_picture(tmp_path: Path, held: HeldGateway) -> None:
    with running(tmp_path, held) as run:
        process = run.start("run", "fft", "a file.csv", "--on", "demo", "--plot", "--detach")
        _, err = process.communicate(timeout=60)
    assert (process.returncode, held.requests) == (2, [])
    assert "--detach does not wait" in err


INPUTS: dict[str, tuple[Any, str]] = {
    "array": (np.array([[1.0, 2.0], [3.0, 4.5]]), "data.npy"),
    "polars": (pl.DataFrame({"a": [1.0, 2.5]}), "data.csv"),
    "pandas": (pd.DataFrame({"a": [1.0, 2.5]}), "data.csv"),
}


@pytest.mark.parametrize("name", INPUTS)
def test_an_input_of_this_process_and_a_result_of_it(base: str, held: HeldGateway, name: str) -> None:
    data, file = INPUTS[name]
    sent: list[tuple[str, bytes]] = []
    with Gateway(base, "demo", _store(base)) as gateway:
        run = gateway.run("fft", data, report=lambda _row: sent.extend(held.objects.items()))
        assert Path("data_fft.csv").read_bytes() == RESULT
        assert gateway.result(run).to_polars().to_dict(as_series=False) == {"x": [1]}
        assert gateway.result(run, "fft").path == Path("data_fft.csv")
        html = run._repr_html_()
    key, content = sent[0]
    assert key.endswith(f"/{file}")
    if file == "data.npy":
        assert np.array_equal(np.load(BytesIO(content)), data)
    else:
        assert content == b"a\n1.0\n2.5\n"
    assert html.count("<svg") == 1
    assert "<script" not in html
    assert held.objects == {}


def test_a_result_that_is_not_here_is_downloaded(base: str) -> None:
    with Gateway(base, "demo", _store(base)) as gateway:
        Path("x.csv").write_text("a\n1\n")
        run = gateway.start_workflow(
            {"s3": {"object": "x.csv"}}, [{"name": "job", "services": ["fft"]}], "results/"
        )
        with pytest.raises(GatewayClientError, match="is .*: wait for its end"):
            gateway.result(run)
        ended = gateway.wait(run)
        with pytest.raises(GatewayClientError, match=r"has these results: fft; there is none of 'fftt'"):
            gateway.result(ended, "fftt")
        result = gateway.result(ended)
        assert (result.path.read_bytes(), result.numpy().tolist()) == (RESULT, [[1.0]])
        assert not result.path.is_relative_to(Path.cwd())


def test_the_async_client_has_pictures_and_results(base: str) -> None:
    async def walk() -> tuple[str, Picture, list[Any]]:
        async with AsyncGateway(base, "demo", _store(base)) as gateway:
            run = await gateway.run("fft", np.array([1.0, 2.0]))
            result = await gateway.result(run)
            return run._repr_html_(), await gateway.picture(run), result.numpy().tolist()

    html, picture, numbers = asyncio.run(walk())
    assert "<svg" not in html
    assert "<svg" in picture._repr_html_()
    assert numbers == [[1.0]]


@pytest.mark.parametrize("data", [[1.0, 2.0], {"a": [1]}, np.array(["x"])], ids=["list", "mapping", "text"])
def test_another_input_starts_nothing(base: str, held: HeldGateway, data: Any) -> None:
    with Gateway(base, "demo", _store(base)) as gateway, pytest.raises(GatewayClientError, match="expected"):
        gateway.run("fft", data)
    assert (held.rows, held.objects, list(Path.cwd().iterdir())) == ({}, {}, [])
