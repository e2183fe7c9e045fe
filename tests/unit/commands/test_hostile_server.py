"""The commands against a gateway whose every text is hostile: nothing of it controls the terminal."""

import json
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from hpc_gateway_client.commands import main
from tests.web import SameForPost, serving

ID = "0b3a5b0e-6a54-4f0e-9d5d-2f8f3c9f5c11"
BAD = "\x1b]0;owned\x07\x9b31m\x7f\u202e\r\n[/red][link=x]"
TIME = "2026-11-22T08:00:00Z"
JOB = {
    **dict.fromkeys(("reason", "infrastructure", "owner", "fault", "scheduler_id"), BAD),
    "status": "completed",
    **dict.fromkeys(("created_at", "updated_at", "submitted_at", "started_at"), TIME),
    "id": ID,
    "state": "failed" + BAD,
    "attempt": 1,
    "success": False,
    "exit_code": 1,
    "services": [BAD],
    "params": {BAD: BAD},
    "warnings": [BAD],
    "outputs": [{"service": BAD, "path": BAD, "bytes": 1, "sha256": BAD}],
}
EVENT = {
    **dict.fromkeys(("from_state", "to_state", "worker", "actor", "reason"), BAD),
    "at": TIME,
    "attempt": 1,
}
CLUSTER = dict.fromkeys(("name", "host", "hostname", "scheduler"), BAD)
NUMBERS = ("total_nodes", "avail_nodes", "total_cpus", "avail_cpus", "running_jobs", "queued_jobs")
OVERVIEW = {
    "as_of": TIME,
    "broker": BAD,
    "queues": {BAD: 1},
    "clusters": {BAD: dict.fromkeys(("worker", "scheduler", "filesystem"), BAD)},
    "work": [{"kind": BAD, "infrastructure": BAD, "state": BAD, "count": 1}],
    "failures": [
        {**dict.fromkeys(("kind", "infrastructure", "fault", "reason"), BAD), "count": 1, "latest": TIME}
    ],
    "waiting_since": {},
    "rounds_s": {},
}
ANSWERS: dict[str, Any] = {
    f"/job/{ID}": JOB,
    f"/job/{ID}/events": [EVENT],
    f"/job/{ID}/cancel": JOB,
    "/job": {"items": [JOB], "next": None, "counts": {BAD: 1}},
    "/infrastructure": [CLUSTER, {**CLUSTER, "name": "x"}],
    "/infrastructure/x/telemetry": {
        **CLUSTER,
        "as_of": TIME,
        "partitions": [{"name": BAD, **dict.fromkeys(NUMBERS, 1)}],
    },
    "/overview": OVERVIEW,
    "/retry": {
        "dry_run": True,
        "found": 1,
        "retried": 1,
        "items": [{"id": ID, "kind": BAD, "refusal": BAD}],
    },
}


class _Hostile(SameForPost, BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        answer = ANSWERS.get(path)
        if path == f"/job/{ID}/log":
            text = "" if "offset=1" in query else BAD
            answer = {"stream": "stdout", "text": text, "offset": 0, "next_offset": 1, "size": 1}
        body = json.dumps({"detail": BAD} if answer is None else answer).encode()
        self.send_response(404 if answer is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(_Hostile) as url:
        yield url


COMMANDS = [
    ["jobs", "show", ID],
    ["jobs", "list"],
    ["jobs", "cancel", ID],
    ["jobs", "log", ID],
    ["jobs", "watch", ID],
    ["jobs", "show", "0b3a5b0e-6a54-4f0e-9d5d-2f8f3c9f5c12"],
    ["infrastructure", "list"],
    ["infrastructure", "telemetry", "x"],
    ["status"],
    ["retry"],
]


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command(
    url: str,
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    as_json: bool,
) -> None:
    more = ["--json"] if as_json and words[1:2] != ["log"] else []
    monkeypatch.setattr(sys, "argv", ["hpc-gateway", *words, *more, "--url", url])
    with pytest.raises(SystemExit):
        main()
    shown = capsys.readouterr()
    assert shown.out or shown.err
    for line in (shown.out + shown.err).split("\n"):
        assert line.isprintable()
    assert "owned" in shown.out + shown.err or "there is no job" in shown.err
