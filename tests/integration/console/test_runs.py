"""Runs of the console: the form and its request, refusals, a run's page, and its actions."""

import json
import re
import shlex
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from api.console.option_fields import fields_of_service, fields_of_table
from api.console.snippets import make_snippets
from gateway.clusters.heartbeats import record_heartbeat
from gateway.db import session_scope
from gateway.jobs.services import SERVICES, option_schema, table_schema
from gateway.leases import acquire_lease, watcher_lease
from tests.browser import FormBrowser
from tests.identity import new_key
from tests.rows import SECRET
from tests.workflows import (
    SMOOTH,
    SPECTRUM,
    STORE,
    TARGET,
    end_job,
    end_transfer,
    new_workflow,
    show,
    start,
    states,
    workflow,
)

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
START = "/console/start"
FIELDS: dict[str, Any] = {
    "infrastructure": "hpc",
    "input": "s3",
    **{f"input.{name}": value for name, value in STORE.items()},
    "service": ["fft", "savitzky_golay"],
    "fft.window": "hann",
    "fft.sampling_rate": "250",
    "savitzky_golay.window_length": "21",
    "table.skip": "a, b",
    "num_mpi_procs": "2",
}


@pytest.fixture
def browser(api: TestClient) -> FormBrowser:
    return FormBrowser(api)


def _started(browser: FormBrowser, **fields: Any) -> str:
    answer = browser.send(START, START, **FIELDS, **fields)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def test_the_form_has_each_option_of_the_kernels_with_its_text(browser: FormBrowser) -> None:
    page = browser.open(START)
    for service in SERVICES:
        names = [field.name for field in fields_of_service(service)]
        assert names == [f"{service}.{name}" for name in option_schema(service)["properties"]]
        assert [name for name in names if f'name="{name}"' not in page] == []
    assert len(fields_of_table()) == len(table_schema()["properties"])
    assert "samples per second; adds a" in page


def test_the_form_begins_with_a_cluster_that_is_ready(browser: FormBrowser) -> None:
    assert _chosen_cluster(browser) == "hpc"
    with session_scope() as session:
        assert acquire_lease(session, watcher_lease("unserved"), "w", 60)
        record_heartbeat(session, "unserved", "w", "", "")
    assert _chosen_cluster(browser) == "unserved"


def _chosen_cluster(browser: FormBrowser) -> str:
    (chosen,) = re.findall(
        r'name="infrastructure" value="(\w+)" id="cluster-\d" checked', browser.open(START)
    )
    return str(chosen)


def test_a_form_starts_the_run_that_it_describes(api: TestClient, browser: FormBrowser) -> None:
    run_id = _started(browser, has_output="yes", **{"output.object": "results/"})[-36:]
    plan = workflow_plan(run_id)
    (job,) = plan["jobs"]
    assert (job["name"], job["services"]) == ("fft-savitzky-golay", ["fft", "savitzky_golay"])
    assert job["params"] == {
        "fft": {"window": "hann", "sampling_rate": 250},
        "savitzky_golay": {"window_length": 21},
        "table": {"skip": ["a", "b"]},
        "num_mpi_procs": 2,
    }
    assert (plan["check"], plan["input"]["s3"]["object"]) == (True, STORE["object"])
    assert {name: plan["output"][name] for name in ("endpoint", "bucket", "object")} == {
        name: TARGET[name] for name in ("endpoint", "bucket", "object")
    }
    assert show(api, run_id)["state"] == "accepted"
    assert SECRET not in browser.open(f"/console/work/workflow/{run_id}")


def test_a_second_job_takes_the_result_of_the_first(browser: FormBrowser) -> None:
    chosen = {"service": ["fft"], "then": "fft", "then.fft.window": "hamming", "resources.time_limit_s": "60"}
    answer = browser.send(START, START, **(FIELDS | chosen))
    assert answer.status_code == 303, answer.text
    run_id = answer.headers["location"][-36:]
    first, second = workflow_plan(run_id)["jobs"]
    assert (first["name"], second["name"], second["input_from"]) == ("fft", "fft-2", "fft")
    assert first["params"]["table"] == {"skip": ["a", "b"]}
    assert second["params"] == {"fft": {"window": "hamming"}, "num_mpi_procs": 2}
    assert second["resources"] == first["resources"]
    again = browser.open(f"{START}?run={run_id}")
    assert re.search(r'name="then" value="fft" id="then-fft" checked', again)
    assert re.search(r'name="resources.time_limit_s" value="60"', again)
    assert re.search(r'name="then.fft.window".*?<option selected>hamming', again)


def test_clusters_of_the_first_job_are_the_classes_of_the_second(browser: FormBrowser) -> None:
    chosen = {"service": ["kmean"], "then": "knn", "then.knn.k_nearest_neighbor": "3"}
    folder = {"then.inference_knn_path": "/Init_Data/new/"}
    answer = browser.send(START, START, **(FIELDS | chosen | folder))
    assert answer.status_code == 303, answer.text
    run_id = answer.headers["location"][-36:]
    first, second = workflow_plan(run_id)["jobs"]
    assert (second["labels_from"], second["input_from"]) == (first["name"], None)
    assert second["params"] == {
        "knn": {"k_nearest_neighbor": 3},
        "inference_knn_path": "/Init_Data/new/",
        "num_mpi_procs": 2,
    }
    again = browser.open(f"{START}?run={run_id}")
    assert ('value="/Init_Data/new/"' in again, "it leaves out" in again) == (True, False)


def test_a_run_is_started_again_with_all_that_the_form_has(browser: FormBrowser) -> None:
    chosen = {
        "perforation_stride": "2",
        "precision_scenario": "4",
        "output_format": "npy",
        "resources.memory_gib": "1.5",
        "resources.time_limit_s": "600",
        "resources.nodes": "1",
    }
    run_id = _started(browser, **chosen)[-36:]
    [job] = workflow_plan(run_id)["jobs"]
    assert job["params"].items() >= {"perforation_stride": 2, "precision_scenario": 4}.items()
    assert job["resources"]["memory_bytes"] == 1.5 * 2**30
    again = browser.open(f"{START}?run={run_id}")
    assert "it leaves out" not in again
    for name in ("perforation_stride", "resources.memory_gib", "resources.time_limit_s"):
        assert re.search(rf'name="{name}" value="{chosen[name]}"', again), name
    assert ("<option selected>4" in again, "<option selected>npy" in again) == (True, True)


def test_the_form_tells_the_parts_of_a_run_that_it_has_not(api: TestClient, browser: FormBrowser) -> None:
    third = {"name": "again", "services": ["min_max"], "input_from": "smooth"}
    swept = start(api, SPECTRUM | {"input_from": None}, sweep={"job": "spectrum", "params": [{}, {}]})
    formatted = SPECTRUM | {"params": {"csv_output": 0}}
    odd = SMOOTH | {"params": {"num_numa": 4}, "resources": {"grow": True}}
    for run, words in (
        (start(api, SMOOTH, SPECTRUM, third), "1 further job."),
        (swept, "the sweep."),
        (start(api), ""),
        (
            start(api, odd, formatted),
            "num_numa, resources.grow, csv_output of spectrum.",
        ),
    ):
        found = re.search("it leaves out ([^<]*)<", browser.open(f"{START}?run={run['id']}"))
        assert (found[1] if found else "") == words


def workflow_plan(run_id: str) -> dict[str, Any]:
    return dict(workflow(UUID(run_id)).plan)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"service": []}, "2. Services: choose at least one"),
        ({"service": ["fft", "knn"]}, "do not mix"),
        ({"fft.window": "square"}, "must be one of none, hann"),
        ({"fft.sampling_rate": "fast"}, "must be a number above 0"),
        ({"infrastructure": "nowhere"}, "nowhere"),
        ({"input": "url", "input.url": "gopher://x"}, "input.url"),
        ({"input": ""}, "exactly one of s3, url, file and path"),
        ({"input": "file", "input.file": "x"}, "input.file"),
        ({"input.secret_key": ""}, "secret_key"),
        ({"service": ["<script>"]}, "&#39;&lt;script&gt;&#39; is not a service"),
        ({"then": "fft"}, "choose one for the first job"),
        ({"service": ["fft"], "then": "<script>"}, "&#39;&lt;script&gt;&#39; is not a service"),
        ({"service": ["fft"], "then": "fft", "then.fft.window": "x"}, "second job: fft.window: must be"),
        ({"service": ["fft"], "then": "knn"}, "second job: labels_from"),
        ({"input": "file"}, "1. Input: choose a file"),
        ({"resources.memory_gib": "much"}, "memory in GiB: expected a number such as 8"),
        ({"resources.nodes": "many"}, "resources.nodes"),
        ({"perforation_stride": "0"}, "perforation_stride"),
    ],
    ids=range(18),
)
def test_a_refusal_is_told_beside_the_filled_form(
    browser: FormBrowser, fields: dict[str, Any], words: str
) -> None:
    answer = browser.send(START, START, **(FIELDS | fields))
    assert answer.status_code in {400, 404}, answer.text
    alert = re.search(r'role="alert">([^<]*)<', answer.text)
    assert alert is not None
    assert words in alert[1]
    assert STORE["bucket"] in answer.text
    assert SECRET not in answer.text


def test_the_same_request_as_curl_and_python_names_secrets_without_them(browser: FormBrowser) -> None:
    page = browser.send(START, START, **FIELDS, show="request").text
    assert "$AWS_SECRET_ACCESS_KEY" in page
    assert SECRET not in page
    assert "selected>hann" in page


def test_a_snippet_is_one_request_whatever_the_names_are(settings: None) -> None:
    name = 'it\'s $(id) `id` "$AWS_SECRET_ACCESS_KEY" \\ \n'
    body: dict[str, Any] = {"object": name, "services": ["fft"], "params": {"table": {"skip": [name]}}}
    made = make_snippets("http://127.0.0.1/job", body)
    words = shlex.split(made.curl.replace("\\\n", " "))
    assert json.loads(words[words.index("-d") + 1]) == body
    source = made.python.replace("import httpx\n", "").replace("print(httpx.post", "print(len")
    names: dict[str, Any] = {}
    exec(source.split("\nprint", 1)[0], names)  # noqa: S102  the snippet itself
    assert names["body"] == body


def test_a_runs_page_follows_its_steps_to_the_results(api: TestClient, browser: FormBrowser) -> None:
    run_id = str(new_workflow())
    path = f"/console/work/workflow/{run_id}"
    page = browser.open(path)
    assert [text for text in ("smooth", "spectrum", "waiting", "Cancel") if text not in page] == []
    end_transfer(run_id)
    end_job(run_id, "smooth")
    end_job(run_id, "spectrum")
    end_transfer(run_id, "spectrum/fft.csv")
    page = browser.open(path)
    assert [
        text for text in ("succeeded", "results/spectrum/fft.csv", "data-preview=") if text not in page
    ] == []
    assert 'hx-trigger="load, every 5s"' not in page
    again = browser.open(f"{START}?run={run_id}")
    assert [text for text in (STORE["bucket"], STORE["object"]) if text not in again] == []
    assert re.search(r'value="savitzky_golay" id="service-savitzky_golay" checked', again)
    assert browser.open("/console/work/workflow").count(run_id) == 1


def test_a_failed_run_is_understood_and_retried(api: TestClient, browser: FormBrowser) -> None:
    run_id = str(new_workflow())
    path = f"/console/work/workflow/{run_id}"
    end_transfer(run_id, fault="the bucket is missing")
    page = browser.open(path)
    assert ("the bucket is missing" in page, "Retry from the failed step" in page) == (True, True)
    assert browser.send(f"{path}/retry", path).headers["location"] == path
    assert states(show(api, run_id))["input"] == "accepted"
    assert browser.send(f"{path}/cancel", path, reason="enough").status_code == 303
    assert show(api, run_id)["state"] == "cancelled"
    assert browser.send(f"{path}/cancel", path).status_code == 409


def test_another_owners_run_does_not_exist(with_keys: TestClient) -> None:
    run_id = new_workflow("ada")
    eve = FormBrowser(with_keys)
    eve.sign_in(new_key("eve"))
    for each in (run_id, uuid4()):
        assert eve.client.get(f"/console/work/workflow/{each}").status_code == 404
        assert eve.client.get(START, params={"run": str(each)}).status_code == 404
        for action in ("cancel", "retry"):
            path = f"/console/work/workflow/{each}/{action}"
            assert eve.send(path, "/console/account").status_code == 404


def test_keys_of_a_store_are_not_taken_over_plain_http(far: FormBrowser) -> None:
    assert "input.secret_key" not in far.open(START)
    assert far.send(START, START, **FIELDS).status_code == 403


def test_an_upload_begins_with_a_form_token_and_a_size(browser: FormBrowser) -> None:
    assert browser.client.post("/console/files", data={"name": "a.csv", "size": "3"}).status_code == 403
    refused = browser.send("/console/files", START, name="a.csv", size="many")
    assert refused.status_code == 400
    without = browser.send("/console/files", START, name="a.csv", size="3")
    assert (without.status_code, "GATEWAY_STORE_" in without.text) == (501, True)
    assert "A file of this computer" not in browser.open(START)
