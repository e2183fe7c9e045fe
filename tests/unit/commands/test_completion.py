"""Completion by the shell: commands, services, states, classes of failures, clusters."""

import sys

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from hpc_gateway_client.commands import main
from tests.servers import served


def completed(line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    monkeypatch.setattr(sys, "argv", ["hpc-gateway"])
    monkeypatch.setenv("_HPC_GATEWAY_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", f"hpc-gateway {line}")
    monkeypatch.setenv("COMP_CWORD", str(len(line.split(" "))))
    with pytest.raises(SystemExit):
        main()
    return capsys.readouterr().out.split()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("jobs re", ["retry"]),
        ("run ff", ["fft"]),
        ("run fft,mi", ["fft,min_max"]),
        ("services kn", ["knn"]),
        ("jobs list --state su", ["submitting", "succeeded"]),
        ("jobs list --service wav", ["wavelet"]),
        ("retry --fault node", ["node"]),
        ("retry --kind s3", ["s3_data", "s3_result"]),
    ],
)
def test_words_are_completed(
    line: str, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert completed(line, monkeypatch, capsys) == words


def test_clusters_are_those_of_the_gateway(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"name": name, "host": "", "hostname": "", "scheduler": "slurm"} for name in ("big", "small")]
    app = Starlette(routes=[Route("/infrastructure", lambda _request: JSONResponse(rows))])
    with served(app) as url:
        monkeypatch.setenv("GATEWAY_URL", url)
        assert completed("run fft x.csv --on b", monkeypatch, capsys) == ["big"]
        assert completed("jobs list --on ", monkeypatch, capsys) == ["big", "small"]
    monkeypatch.setenv("GATEWAY_URL", "http://127.0.0.1:1")
    assert completed("jobs list --on ", monkeypatch, capsys) == []
