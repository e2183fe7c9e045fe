"""Odd text in every string of every body: refused in words or taken, and never more than one line of log."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from gateway.db import session_scope
from gateway.logs import JsonLines, TextLines
from gateway.models import Infrastructure, Job, StoredCredential, Transfer, Webhook
from tests.bodies import DATA, JOB, RESULT

JSON = {"Content-Type": "application/json"}
ODD = {
    "NUL": "a\0b",
    "a lone surrogate": "a\ud800b",
    "a header": "a\r\nX-Evil: 1",
    "a second log line": 'a\n{"level": "ERROR", "message": "forged"}',
    "a line that Python alone sees": "a\u2028b\x85c\x0bd\x1ce",
    "a terminal's escape": "a\x1b[31mb\x9b2Jc",
    "right to left": "a\u202eb",
    "a byte order mark": "\ufeffa",
    "four bytes each": "\U0001f600" * 9,
    "one that grows when folded": "ﷺ" * 50,
    "SQL": "a'; DROP TABLE jobs; --",
    "a shell": "a$(touch /tmp/x)`id`;id|id&id",
    "a template": "{0.__class__} %s %(x)s ${jndi:ldap://x/a}",
    "spaces": " \t ",
    "too long": "a" * 5000,
}
WEB = {"src": "https://example.org/a.csv", "dst": "serrano/data/a.csv", "infrastructure": "hpc"}
CLUSTER = {
    "name": "far",
    "host": "h",
    "username": "u",
    "hostname": "h",
    "scheduler": "slurm",
    "ssh_key": {"type": "ssh-rsa", "path": "/k", "password": "p"},
}
HOOK = {"url": "https://portal.example.org/hook", "events": ["job.*", "*.failed"], "description": "x"}
CREDENTIAL = {"name": "n", "endpoint": "https://s3.example.org", "access_key": "a", "secret_key": "s"}
ROUTES: list[tuple[str, dict[str, Any]]] = [
    ("/data", WEB),
    ("/s3_data", DATA),
    ("/s3_result", RESULT),
    (
        "/job",
        {
            **JOB,
            "params": {**JOB["params"], "root_dir": "${HOME}/serrano", "exe": "build/SERRANO", "odd": "x"},  # type: ignore[dict-item]
            "resources": {"partition": "batch"},
        },
    ),
    ("/infrastructure", CLUSTER),
    ("/credentials", CREDENTIAL),
    ("/webhooks", HOOK),
    ("/retry", {"filter": {"infrastructure": "hpc", "reason": "x"}, "by": "ada", "reason": "x"}),
]


def _with(body: dict[str, Any], text: str) -> Iterator[dict[str, Any]]:
    """Yield the body with the text in place of each of its strings, one at a time, and as a key."""
    for name, value in body.items():
        if isinstance(value, str):
            yield {**body, name: text}
        elif isinstance(value, dict):
            yield from ({**body, name: changed} for changed in _with(value, text))
        elif isinstance(value, list):
            yield {**body, name: [text]}
    yield {**body, text: "x"}


def _rows() -> int:
    tables = (Transfer, Job, Infrastructure, StoredCredential, Webhook)
    with session_scope(read_only=True) as session:
        return sum(session.scalar(select(func.count()).select_from(table)) or 0 for table in tables)


@pytest.mark.parametrize(("url", "body"), ROUTES, ids=[url for url, _ in ROUTES])
def test_no_text_does_harm_in_any_field(
    api: TestClient, json_log: io.StringIO, url: str, body: dict[str, Any]
) -> None:
    for kind, text in ODD.items():
        for changed in _with(body, text):
            before = _rows()
            answer = api.post(url, content=json.dumps(changed), headers=JSON)
            refused_too = {409} if url == "/webhooks" else set()  # an owner has ten
            assert answer.status_code in {200, 201, 400, 404} | refused_too, (kind, changed, answer.text)
            if answer.status_code >= 400:
                assert answer.headers["content-type"] == "application/problem+json"
                assert _rows() == before, (kind, changed)
            assert "x-evil" not in answer.headers
            json.loads(answer.content)
    lines = json_log.getvalue().splitlines()
    assert all(isinstance(json.loads(line), dict) for line in lines)
    assert not any(json.loads(line)["message"] == "forged" for line in lines)


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_what_a_person_reads_in_a_log_is_one_line_too(text: str) -> None:
    record = logging.LogRecord("x", logging.INFO, "p", 1, "said %s", (text,), None)
    for shown in (TextLines().format(record), JsonLines().format(record)):
        assert len(shown.splitlines()) == 1
        assert shown.isprintable()
        shown.encode()


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_odd_text_in_a_query_or_a_path_is_a_problem_or_finds_nothing(api: TestClient, text: str) -> None:
    odd = text.encode("utf-8", "surrogatepass")
    for name in ("reason", "infrastructure", "cursor", "state", "since", "parent"):
        answer = api.get("/s3_data", params={name: odd})
        assert answer.status_code in {200, 400}, (name, answer.text)
    quoted = "".join(f"%{byte:02x}" for byte in odd)
    for place in ("/job/", "/infrastructure/", "/s3_data/", "/credentials/", "/webhooks/"):
        assert api.get(f"{place}{quoted}").status_code == 404


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_an_odd_request_id_is_not_repeated(api: TestClient, text: str) -> None:
    odd = text.encode("utf-8", "surrogatepass").replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b"")
    answer = api.get("/services", headers={"X-Request-ID": odd[:9000]})
    assert answer.headers["X-Request-ID"].isprintable()
    assert len(answer.headers["X-Request-ID"]) <= 100
