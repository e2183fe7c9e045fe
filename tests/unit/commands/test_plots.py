"""`hpc-gateway jobs plot`: files, blocks, errors that say how to go on; no name controls the terminal."""

import json
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from hpc_gateway_client.commands import main
from tests.unit.client.test_notebook import JOB
from tests.unit.client.test_pictures import HOSTILE, preview
from tests.web import serving

IDS = {name: f"0b3a5b0e-6a54-4f0e-9d5d-2f8f3c9f5c1{number}" for number, name in enumerate("fknrpe")}
OUTPUT = JOB["outputs"][0]
UNDER_WAY: dict[str, Any] = {"state": "running", "status": "running", "success": None, "outputs": []}


def _job(name: str, *services: str, **more: Any) -> dict[str, Any]:
    outputs = [OUTPUT | {"service": service} for service in services]
    params = {"read_input_data": "/Init_Data/flow.csv"}
    return JOB | {"id": IDS[name], "services": services, "outputs": outputs, "params": params} | more


JOBS = {
    IDS["f"]: _job("f", "fft", "min_max", "kmean"),
    IDS["k"]: _job("k", "kmean"),
    IDS["n"]: _job("n", "gone"),
    IDS["r"]: _job("r", "fft", **UNDER_WAY),
    IDS["p"]: _job("p", "../../fft"),
    IDS["e"]: _job("e", "fft", state="failed", success=False, reason="out of luck"),
}


class _Gateway(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path, _, _ = self.path.partition("?")
        row = JOBS.get(path.removeprefix("/job/"))
        drawn = path.endswith("/preview") and "gone" not in path
        answer: Any = row or (preview([0, 1, None], name=HOSTILE) if drawn else {"detail": "no preview: old"})
        body = json.dumps(answer, default=str).encode()
        self.send_response(200 if row or drawn else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(_Gateway) as url:
        yield url


@pytest.fixture(autouse=True)
def _in_a_folder(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GATEWAY_URL", url)


def _call(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["hpc-gateway", "jobs", "plot", *words])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("words", "files"),
    [
        ([IDS["f"]], ["flow_fft.png", "flow_min_max.png"]),
        ([IDS["f"], "--service", "fft"], ["flow_fft.png"]),
        ([IDS["f"], "--service", "fft", "-o", "x.svg"], ["x.svg"]),
        ([IDS["f"], "-o", "pictures"], ["pictures/flow_fft.png", "pictures/flow_min_max.png"]),
        ([IDS["p"]], ["flow_fft.png"]),
    ],
    ids=["all", "one", "named", "folder", "a path as a service"],
)
def test_pictures_are_files(
    words: list[str], files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _call(monkeypatch, *words) == 0
    assert _files(tmp_path) == files


@pytest.mark.parametrize("installed", [True, False])
def test_the_terminal_gets_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, installed: bool
) -> None:
    if not installed:
        monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert _call(monkeypatch, IDS["f"], *(["--terminal"] if installed else [])) == 0
    shown = capsys.readouterr().out
    assert all(line.isprintable() for line in shown.split("\n"))
    assert "▀" in shown
    assert _files(tmp_path) == []


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (
            [IDS["k"]],
            1,
            "kmean has no picture: its result is a table of labels; download it with `hpc-gateway",
        ),
        ([IDS["f"], "--service", "kmean"], 1, "kmean has no picture"),
        ([IDS["f"], "--service", "fftt"], 1, "its results: fft, min_max, kmean"),
        ([IDS["n"]], 4, "no preview: old; `hpc-gateway jobs get"),
        ([IDS["r"]], 1, "is running, its results: none"),
        ([IDS["e"]], 3, "out of luck"),
        ([IDS["f"], "--terminal", "-o", "x.png"], 2, "--terminal prints the picture"),
        ([IDS["f"], "--service", "fft", "-o", "x.txt"], 1, "expected a name that ends with .png"),
        ([IDS["f"], "--service", "fft", "-o", "none/x.png"], 2, "there is no folder"),
        (["0b3a5b0e-6a54-4f0e-9d5d-2f8f3c9f5c1f"], 4, "there is no job"),
    ],
    ids=str,
)
def test_an_error_says_how_to_go_on(
    words: list[str],
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    assert _call(monkeypatch, *words) == code
    assert message in capsys.readouterr().err


def test_a_named_file_without_matplotlib_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    assert _call(monkeypatch, IDS["f"], "--service", "fft", "-o", "x.png") == 1
    assert "the extra `plot`" in capsys.readouterr().err
