"""Commands and client against a server that is no gateway: one line names its address, and no traceback."""

import json
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from hpc_gateway_client import Gateway, GatewayClientError, Unreachable
from hpc_gateway_client.commands import main
from hpc_gateway_client.event_stream import Follow
from tests.web import SameForPost, serving

ID = "0b3a5b0e-6a54-4f0e-9d5d-2f8f3c9f5c11"


class _Foreign(SameForPost, BaseHTTPRequestHandler):
    """It answers each path with the JSON that its first part names."""

    def do_GET(self) -> None:
        first = self.path.split("/")[1]
        body = {"list": "[1]", "object": '{"items": [{}]}', "text": '"x"', "null": "null"}.get(
            first, "no JSON at all"
        )
        self.send_response(302 if first == "loop" else 200)
        more = {"loop": ("Location", "/loop"), "packed": ("Content-Encoding", "gzip")}.get(first)
        for name, value in (more or ("Cache-Control", "no-store"), ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(_Foreign) as url:
        yield url


COMMANDS = [
    "jobs list",
    f"jobs show {ID}",
    f"jobs log {ID}",
    f"jobs cancel {ID}",
    "transfers list",
    "workflow list",
    f"workflow members {ID}",
    "services",
    "services fft",
    "status",
    "infrastructure list",
    "retry",
    "jobs submit fft /x.csv --on demo --param fft.window=hann",
]


@pytest.mark.parametrize("answer", ["list", "object", "text", "null", "html"])
@pytest.mark.parametrize("words", COMMANDS)
def test_json_of_another_shape_is_no_gateway(
    url: str, words: str, answer: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["hpc-gateway", *words.split(), "--url", f"{url}/{answer}"]
    monkeypatch.setattr(sys, "argv", argv)
    with pytest.raises(SystemExit) as end:
        main()
    if (words, answer) == ("services fft", "object"):
        return  # a schema without options
    assert end.value.code == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"no gateway answers at {url}/{answer}/" in said


@pytest.mark.parametrize("answer", ["loop", "packed"])
def test_an_answer_that_cannot_be_read_is_none(url: str, answer: str) -> None:
    with Gateway(f"{url}/{answer}", patience_s=0.0) as gateway, pytest.raises(Unreachable, match=answer):
        gateway.jobs()


def test_a_stream_of_other_events_is_no_gateways() -> None:
    follow = Follow(None, "")
    follow.read_line(f"data: {json.dumps({'kind': 'tick'})}")
    with pytest.raises(GatewayClientError, match="no stream of a gateway's events"):
        follow.read_line("")
