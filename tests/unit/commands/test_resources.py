"""The options of resources: the units of people, the keys of the REST API, and refusals."""

import json
import sys
from typing import Any

import httpx
import pytest
import typer
from typer.testing import CliRunner

from hpc_gateway_client.calls import Resources
from hpc_gateway_client.commands import app
from hpc_gateway_client.commands.resources import with_resources
from hpc_gateway_client.commands.sizes import parse_size

KIB, GIB = 2**10, 2**30
asked: list[Resources] = []
probe = typer.Typer()


@probe.command()
@with_resources
def _keep(word: str, *, resources: Resources) -> None:
    assert word == "word"
    asked.append(resources)


def run(*words: str) -> tuple[int, str]:
    asked.clear()
    found = CliRunner().invoke(probe, ["word", *words])
    return found.exit_code, found.output


@pytest.mark.parametrize(
    ("text", "size"),
    [
        *(
            ("1", 1),
            ("512k", 512 * KIB),
            ("2G", 2 * GIB),
            ("2GiB", 2 * GIB),
            ("2gb", 2 * 10**9),
            ("1T", 2**40),
        ),
        *(("1.5G", 3 * GIB // 2), ("0.001K", 2), ("100B", 100), ("0", 0)),
        *(
            (text, None)
            for text in ("", "G", "-1G", "1 G", "1e9", "1,5G", "2P", "2Gib/s", "²G", "1.G", "9" * 16)
        ),
    ],
)
def test_sizes(text: str, size: int | None) -> None:
    assert parse_size(text) == size


def test_all_options_at_once() -> None:
    words = (
        "--partition long --nodes 2 --time-limit 90m --memory 16G --account lab --qos high"
        " --constraint avx512 --reservation course --gres gpu:2 --grow"
    )
    assert run(*words.split()) == (0, "")
    assert asked == [
        {
            "partition": "long",
            "nodes": 2,
            "time_limit_s": 5400,
            "memory_bytes": 16 * GIB,
            "account": "lab",
            "qos": "high",
            "constraint": "avx512",
            "reservation": "course",
            "gres": "gpu:2",
            "grow": True,
        }
    ]


@pytest.mark.parametrize(("words", "resources"), [((), {}), (("--no-grow",), {"grow": False})])
def test_what_is_left_out_is_not_sent(words: tuple[str, ...], resources: Resources) -> None:
    assert run(*words) == (0, "")
    assert asked == [resources]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--time-limit", "90"), "90m, 36h or 2d"),
        (("--time-limit", "0m"), "90m, 36h or 2d"),
        (("--time-limit", "-5m"), "90m, 36h or 2d"),
        (("--memory", "lots"), "500M, 16G or 1.5T"),
        (("--memory", "0G"), "500M, 16G or 1.5T"),
        (("--nodes", "0"), "--nodes"),
        (("--grow", "yes"), "yes"),
    ],
)
def test_a_wrong_value_says_what_is_right(words: tuple[str, ...], says: str) -> None:
    code, shown = run(*words)
    assert code == 2
    assert says in " ".join(shown.replace("│", " ").split())
    assert asked == []


@pytest.mark.parametrize("command", [["run"], ["jobs", "retry"], ["retry"]], ids=" ".join)
def test_the_help_of_each_command_has_them(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(sys, "argv", ["hpc-gateway", *command])
    shown = CliRunner().invoke(app, [*command, "--help"]).output
    names = (
        "partition",
        "nodes",
        "time-limit",
        "memory",
        "account",
        "qos",
        "constraint",
        "reservation",
        "gres",
    )
    for name in (*names, "grow", "no-grow"):
        assert f"--{name} " in shown


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The bodies of `POST /retry` that the command sends to a gateway that finds no row."""
    bodies: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return httpx.Response(200, json={"dry_run": True, "found": 0, "retried": 0, "items": []})

    monkeypatch.setattr("httpx.HTTPTransport.handle_request", lambda _, request: answer(request))
    return bodies


def test_a_bulk_retry_with_resources_is_of_jobs_alone(sent: list[dict[str, Any]]) -> None:
    words = ("retry", "--state", "out_of_memory", "--memory", "32G", "--no-grow")
    assert CliRunner().invoke(app, words).exit_code == 0
    assert CliRunner().invoke(app, ["retry", "--reason", "denied"]).exit_code == 0
    assert sent[0]["resources"] == {"memory_bytes": 32 * GIB, "grow": False}
    assert sent[0]["filter"]["kind"] == ["job"]
    assert "resources" not in sent[1]
    assert sent[1]["filter"]["kind"] == ["data", "s3_data", "s3_result", "job"]


@pytest.mark.parametrize("kinds", [["s3_data"], ["job", "data"]], ids="+".join)
def test_transfers_have_no_resources(sent: list[dict[str, Any]], kinds: list[str]) -> None:
    words = [word for kind in kinds for word in ("--kind", kind)]
    found = CliRunner().invoke(app, ["retry", *words, "--nodes", "2"])
    assert (found.exit_code, sent) == (2, [])
    assert "has no resources: leave it" in " ".join(found.output.replace("│", " ").split())
