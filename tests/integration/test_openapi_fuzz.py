"""Requests generated from the OpenAPI document, valid and invalid: no 5xx, and no undocumented answer.

The document must describe the status, content type, headers and body of every answer. A valid request is
accepted, once names exist and ceilings of the cluster are kept, which no schema tells. Some checks of
Schemathesis are left out, each with its reason: that invalid requests are refused (unknown keys are ignored),
and that created resources can be read and deleted ones cannot (they have tests of their own).
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.callers import Scope
from tests import workflows
from tests.bodies import DATA, JOB, RESULT
from tests.identity import bearer, new_key

CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# Questions to a cluster's worker, of which there is none here: they wait some seconds, and 503 is the answer.
UNANSWERED = {"/infrastructure/{name}/telemetry", "/job/{id}/log"}
WEB = {"src": "https://example.org/a.csv", "dst": "serrano/data/a.csv", "infrastructure": "hpc"}
KEYS = {"name": "n", "endpoint": "https://s3.example.org", "access_key": "a", "secret_key": "s"}
HOOK = {"url": "https://portal.example.org/hook", "events": ["job.*"]}
ROWS = {"/data": WEB, "/s3_data": DATA, "/s3_result": RESULT, "/job": JOB, "/credentials": KEYS}
ROWS["/workflow"] = workflows.body(output=None)
ROWS["/files"] = {"name": "a.csv", "size": 6 << 30}  # in parts
STORE = {"ENDPOINT": "https://files.example.org", "BUCKET": "own", "ACCESS_KEY": "a", "SECRET_KEY": "s"}
INVALID = {400, 413, 415, 422}
PATIENCE_S = 120  # of a machine that has other things to do
MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]


@pytest.fixture(autouse=True)
def _store(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the gateway a store of its own, which signing does not reach."""
    for name, value in (STORE | {"OWNER_BYTES": "0"}).items():
        monkeypatch.setenv(f"GATEWAY_STORE_{name}", value)


def _operations(api: TestClient) -> Iterator[Any]:
    schema = schemathesis.openapi.from_asgi("/openapi.json", api.app)
    for result in schema.get_all_operations():
        yield result.ok()  # type: ignore[union-attr]  # a document that is none fails here, as it should


def _make_it_real(case: "Case[Any]", rows: dict[str, str]) -> None:
    """Name a row and a cluster that exist, so that more than 404 is answered."""
    collection = "/" + case.operation.path.split("/")[1]
    if "id" in case.path_parameters and collection in rows:
        case.path_parameters["id"] = rows[collection]
    if isinstance(case.query, dict):
        case.query.pop("cursor", None)
    if case.headers and "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = uuid4().hex
    if isinstance(case.body, dict):
        _make_a_real_body(case.body)
        if case.operation.path == "/workflow":
            _make_a_real_workflow(case.body)


def _make_a_real_body(body: dict[str, Any]) -> None:
    """Name a cluster and keys that exist, within ceilings, and no field that the operator restricts."""
    if "infrastructure" in body:
        body["infrastructure"] = "hpc"
    if body.keys() & {"presigned_url", "credential_id"}:
        body |= {"access_key": "a", "secret_key": "s"}
    for name in ("presigned_url", "credential_id", "resources", "python", "roots", "host_key"):
        body.pop(name, None)
    for name in ("num_mpi_procs", "num_thread", "num_numa", "num_core_numa", "root_dir"):
        body.get("params", {}).pop(name, None)


def _make_a_real_workflow(body: dict[str, Any]) -> None:
    """Give the jobs an input that is there, names of their own, and no results of others to read."""
    body["input"] = {"path": "/Init_Data/x.csv"}
    body.pop("output", None)  # its keys have a test of their own
    body.pop("sweep", None)
    for number, job in enumerate(body["jobs"]):
        job["name"] = f"job-{number}"
        for name in ("input_from", "labels_from"):
            job.pop(name, None)
        _make_a_real_body(job)


@dataclass(frozen=True)
class Requests:
    """The generated requests: their kind, their number for an operation, their seed and their caller."""

    mode: GenerationMode
    examples: int
    number: int = 0
    headers: dict[str, str] = field(default_factory=dict)


def _try(operation: Any, requests: Requests, rows: dict[str, str]) -> None:
    @seed(requests.number)
    @settings(
        max_examples=1 if operation.path in UNANSWERED else requests.examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=requests.mode))
    def ask(case: Any) -> None:
        if requests.mode is GenerationMode.POSITIVE:
            _make_it_real(case, rows)
        answer = case.call(timeout=PATIENCE_S, headers=requests.headers)
        is_away = operation.path in UNANSWERED and answer.status_code == 503
        if requests.mode is GenerationMode.POSITIVE:
            assert answer.status_code not in INVALID, answer.text
        case.validate_response(answer, checks=CHECKS if is_away else [not_a_server_error, *CHECKS])

    with suppress(Unsatisfiable):  # an operation without parameters, of which nothing can be wrong
        ask()


def _try_all(api: TestClient, requests: Requests) -> None:
    hook = api.post("/webhooks", json=HOOK, headers=requests.headers).json()["id"]  # an owner has ten
    for operation in _operations(api):
        made = {url: api.post(url, json=body, headers=requests.headers) for url, body in ROWS.items()}
        rows = {url: str(answer.raise_for_status().json()["id"]) for url, answer in made.items()}
        _try(operation, requests, {**rows, "/webhooks": hook})


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("mode", "examples"), [(MODES[0], 2), (MODES[1], 1)], ids=str)
def test_a_few_of_every_kind_of_request(api: TestClient, mode: GenerationMode, examples: int) -> None:
    _try_all(api, Requests(mode, examples))


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.parametrize("mode", MODES, ids=str)
def test_many_of_every_kind_of_request(
    with_keys: TestClient, mode: GenerationMode, scope: Scope, number: int
) -> None:
    _try_all(with_keys, Requests(mode, 30, number, bearer(new_key("ada", scope))))
