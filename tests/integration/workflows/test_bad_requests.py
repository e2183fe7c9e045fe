"""Requests for workflows that cannot be carried out: 400 with the field, and no row is written."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, func, select

from gateway.db import session_scope
from gateway.models import Event, Job, Transfer, Workflow
from tests.workflows import SMOOTH, SPECTRUM, STORE, TARGET, body

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
BOTH: dict[str, Any] = {"name": "both", "services": ["fft", "min_max"]}
KMEAN: dict[str, Any] = {"name": "groups", "services": ["kmean"]}
KNN: dict[str, Any] = {"name": "classes", "services": ["knn"]}
SWEEP = {"job": "smooth", "params": [{"savitzky_golay": {"polyorder": 2}}]}


def _jobs(*jobs: dict[str, Any]) -> dict[str, Any]:
    return body(*jobs)


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no input": (body(input={}), "input"),
    "two inputs": (body(input={"s3": STORE, "path": "/Init_Data/x.csv"}), "input"),
    "an input of no known kind": (body(input={"ftp": "x"}), "input.ftp"),
    "an input of another type": (body(input="x"), "input"),
    "a prefix": (body(input={"s3": {**STORE, "object": "in/"}}), "input.s3.object"),
    "an input without keys": (body(input={"s3": {**STORE, "access_key": None}}), "input.s3.access_key"),
    "an input without a bucket": (body(input={"s3": {**STORE, "bucket": ""}}), "input.s3.bucket"),
    "a private store": (body(input={"s3": {**STORE, "endpoint": "http://127.0.0.1"}}), "input.s3.endpoint"),
    "stored keys that are not there": (
        body(input={"s3": {**STORE, "access_key": None, "secret_key": None, "credential_id": "0" * 32}}),
        "input.s3.credential_id",
    ),
    "a place in the input": (body(input={"s3": {**STORE, "dst": "x"}}), "input.s3.dst"),
    "a URL of another scheme": (body(input={"url": "gopher://example.org/x"}), "input.url"),
    "a URL without a name": (body(input={"url": "https://example.org/"}), "input.url"),
    "a file in a gateway without a store": (body(input={"file": "0" * 32}), "input.file"),
    "a file that is no id": (body(input={"file": "x"}), "input.file"),
    "a path that leaves": (body(input={"path": "/../../../../etc/passwd"}), "input.path"),
    "an empty path": (body(input={"path": ""}), "input"),
    "no jobs": ({**body(), "jobs": []}, "jobs"),
    "too many jobs": (_jobs(*({**SMOOTH, "name": f"j{n}"} for n in range(21))), "jobs"),
    "a name with capitals": (_jobs({**SMOOTH, "name": "Smooth"}), "jobs.0.name"),
    "a name that is a path": (_jobs({**SMOOTH, "name": "a/b"}), "jobs.0.name"),
    "a name with a line break": (_jobs({**SMOOTH, "name": "a\n"}), "jobs.0.name"),
    "a long name": (_jobs({**SMOOTH, "name": "a" * 41}), "jobs.0.name"),
    "a name twice": (_jobs(SMOOTH, {**SPECTRUM, "name": "smooth"}), "jobs.1.name"),
    "no services": (_jobs({**SMOOTH, "services": []}), "jobs.0.services"),
    "an unknown service": (_jobs(SMOOTH, {**SPECTRUM, "services": ["fourier"]}), "jobs.1.services"),
    "services of two classes": (_jobs({**SMOOTH, "services": ["fft", "kmean"]}), "jobs.0.services"),
    "a wrong option": (
        _jobs(SMOOTH, {**SPECTRUM, "params": {"fft": {"window": "x"}}}),
        "jobs.1.params.fft.window",
    ),
    "too many ranks": (_jobs({**SMOOTH, "params": {"num_mpi_procs": 99}}), "jobs.0.params.num_mpi_procs"),
    "an input of its own": (
        _jobs({**SMOOTH, "params": {"read_input_data": "/x.csv"}}),
        "jobs.0.params.read_input_data",
    ),
    "a folder that leaves": (
        _jobs({**SMOOTH, "params": {"workspace": "/../../.."}}),
        "jobs.0.params.workspace",
    ),
    "resources that are not there": (
        _jobs(SMOOTH, {**SPECTRUM, "resources": {"qos": "fast"}}),
        "jobs.1.resources.qos",
    ),
    "an unknown resource": (_jobs({**SMOOTH, "resources": {"gpus": 1}}), "jobs.0.resources.gpus"),
    "a misspelt key": (_jobs(SMOOTH, {**SPECTRUM, "inputfrom": "smooth"}), "jobs.1.inputfrom"),
    "an unknown predecessor": (_jobs({**SPECTRUM, "input_from": "smoth"}), "jobs.0.input_from"),
    "a job that reads itself": (_jobs({**SMOOTH, "input_from": "smooth"}), "jobs.0.input_from"),
    "a circle": (
        _jobs(KMEAN, {**SMOOTH, "input_from": "spectrum"}, SPECTRUM),
        "jobs.1.input_from",
    ),
    "a predecessor with two results": (_jobs(BOTH, {**SPECTRUM, "input_from": "both"}), "jobs.1.input_from"),
    "a predecessor that writes Arrow": (
        _jobs({**SMOOTH, "params": {"output_format": "arrow"}}, SPECTRUM),
        "jobs.1.input_from",
    ),
    "labels of an unknown job": (_jobs({**KNN, "labels_from": "groups"}), "jobs.0.labels_from"),
    "labels of a filter": (_jobs(SMOOTH, {**KNN, "labels_from": "smooth"}), "jobs.1.labels_from"),
    "labels for a filter": (_jobs(KMEAN, {**SMOOTH, "labels_from": "groups"}), "jobs.1.labels_from"),
    "labels twice": (
        _jobs(KMEAN, {**KNN, "labels_from": "groups", "params": {"clustering_label_path": "/x.csv"}}),
        "jobs.1.params.clustering_label_path",
    ),
    "a circle of labels": (
        _jobs({**KMEAN, "input_from": "classes"}, {**KNN, "labels_from": "groups"}),
        "jobs.0.input_from",
    ),
    "an output that is no store": (body(output={"path": "x"}), "output.s3"),
    "an output without keys": (body(output={"s3": {**TARGET, "secret_key": ""}}), "output.s3.secret_key"),
    "a presigned output": (
        body(
            output={
                "s3": {
                    **TARGET,
                    "access_key": None,
                    "secret_key": None,
                    "presigned_url": "https://x.example/b/results/",
                }
            }
        ),
        "output.s3.presigned_url",
    ),
    "a private output": (
        body(output={"s3": {**TARGET, "endpoint": "http://10.0.0.1"}}),
        "output.s3.endpoint",
    ),
    "a sweep of an unknown job": (body(SMOOTH, sweep={**SWEEP, "job": "x"}), "sweep.job"),
    "an empty sweep": (body(SMOOTH, sweep={**SWEEP, "params": []}), "sweep.params"),
    "a sweep of too many": (body(SMOOTH, sweep={**SWEEP, "params": [{}] * 1001}), "sweep.params"),
    "a member that is no object": (body(SMOOTH, sweep={**SWEEP, "params": [1]}), "sweep.params.0"),
    "a member with a wrong option": (
        body(SMOOTH, sweep={**SWEEP, "params": [{}, {"savitzky_golay": {"polyorder": -1}}]}),
        "sweep.params.1.savitzky_golay.polyorder",
    ),
    "a member with an input": (
        body(SMOOTH, sweep={**SWEEP, "params": [{"read_input_data": "/x.csv"}]}),
        "sweep.params.0.read_input_data",
    ),
    "a member with labels beside those of a job": (
        body(
            KMEAN,
            {**KNN, "labels_from": "groups"},
            sweep={"job": "classes", "params": [{}, {"clustering_label_path": "/x.csv"}]},
        ),
        "sweep.params.1.clustering_label_path",
    ),
    "a member with ranks": (
        body(SMOOTH, sweep={**SWEEP, "params": [{"num_mpi_procs": 2}]}),
        "sweep.params.0.num_mpi_procs",
    ),
    "large parameters of a sweep": (
        body({**SMOOTH, "params": {"x" * 20_000: 1}}, sweep=SWEEP),
        "jobs.0.params",
    ),
    "a result of a sweep as input": (body(SMOOTH, SPECTRUM, sweep=SWEEP), "jobs.1.input_from"),
    "a check that is no truth": (body(check="perhaps"), "check"),
    "an unknown key": (body(outputs={}), "outputs"),
    "a lone surrogate": (_jobs({**SMOOTH, "params": {"workspace": "/\ud800"}}), "jobs.0.params"),
}


def _rows() -> int:
    with session_scope(read_only=True) as session:
        counts = [select(func.count()).select_from(model) for model in (Workflow, Transfer, Job, Event)]
        return sum(session.scalar(each) or 0 for each in counts)


@pytest.mark.parametrize("case", BAD)
def test_a_bad_request_is_refused_with_its_field_before_the_first_row(api: TestClient, case: str) -> None:
    wrong, field = BAD[case]
    json_type = {"Content-Type": "application/json"}
    answer = api.post("/workflow", content=json.dumps(wrong), headers=json_type)
    assert answer.status_code == 400, answer.text
    found = answer.json()
    assert ".".join(map(str, found["errors"][0]["loc"])) == f"body.{field}"
    assert found["detail"].count(f"{field}: ") <= 1
    assert _rows() == 0


@pytest.mark.parametrize("text", ["", "[]", "null", '"x"', "{", '{"jobs": NaN}', "[" * 3000])
def test_a_body_that_is_no_request_is_refused(api: TestClient, text: str) -> None:
    answer = api.post("/workflow", content=text, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert _rows() == 0


def test_an_unknown_cluster_is_404_before_the_first_row(api: TestClient) -> None:
    assert api.post("/workflow", json=body(infrastructure="nowhere")).status_code == 404
    assert _rows() == 0


def test_what_is_left_out_may_be_null(api: TestClient, database: Engine) -> None:
    nothing = {
        "params": None,
        "resources": None,
        "watch_period": None,
        "input_from": None,
        "labels_from": None,
    }
    request = body({**SMOOTH, **nothing}, output=None, sweep=None, check=None)
    request["input"] |= {"url": "", "file": None, "path": None}
    answer = api.post("/workflow", json=request)
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("action", ["", "/events", "?wait=1"])
@pytest.mark.parametrize("name", ["x", "0" * 32, "%00"])
def test_an_unknown_id_is_404(api: TestClient, name: str, action: str) -> None:
    assert api.get(f"/workflow/{name}{action}").status_code == 404


@pytest.mark.parametrize("action", ["cancel", "retry"])
def test_an_unknown_workflow_is_neither_cancelled_nor_retried(api: TestClient, action: str) -> None:
    assert api.post(f"/workflow/{'0' * 32}/{action}").status_code == 404
