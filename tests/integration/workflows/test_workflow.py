"""A workflow from its request to its end: each step begins with the end of the one before."""

from typing import Any
from uuid import UUID

from fastapi.testclient import TestClient

from tests.rows import SECRET, job, transfer
from tests.workflows import SMOOTH, SPECTRUM, body, end_job, end_transfer, show, start, states, step_id


def test_it_is_accepted_at_once_and_shows_all_its_steps(api: TestClient) -> None:
    status = start(api)
    assert (status["status"], status["state"], status["success"]) == ("queued", "accepted", None)
    assert [(step["name"], step["kind"], step["state"]) for step in status["steps"]] == [
        ("input", "s3_data", "accepted"),
        ("smooth", "job", "waiting"),
        ("spectrum", "job", "waiting"),
        ("spectrum/fft.csv", "s3_result", "waiting"),
    ]
    assert [step["id"] is None for step in status["steps"]] == [False, True, True, True]
    assert (status["outputs"], status["bytes_total"], status["bytes_done"]) == ([], None, 0)
    assert SECRET not in str(status)
    assert show(api, status["id"]) == status


def test_the_steps_follow_each_other_to_the_end(api: TestClient) -> None:
    mine = start(api)["id"]
    end_transfer(mine)
    assert (show(api, mine)["status"], show(api, mine)["state"]) == ("running", "running")
    smooth = end_job(mine, "smooth")
    end_job(mine, "spectrum")
    assert states(show(api, mine)) == {
        "input": "completed",
        "smooth": "succeeded",
        "spectrum": "succeeded",
        "spectrum/fft.csv": "accepted",
    }
    result = end_transfer(mine, "spectrum/fft.csv", size=2)
    status = show(api, mine)
    assert (status["status"], status["state"], status["success"]) == ("completed", "succeeded", True)
    assert (status["bytes_total"], status["bytes_done"]) == (7, 7)
    assert [(each["job"], each["service"], each["object"]) for each in status["outputs"]] == [
        ("smooth", "savitzky_golay", None),
        ("spectrum", "fft", "results/spectrum/fft.csv"),
    ]
    spectrum = job(step_id(mine, "spectrum"))
    assert spectrum.params["read_input_data"] == (
        f"/Output_Data/jobs/{smooth}.1/CSVFormate/SavitzkeyGolay_output.csv"
    )
    assert transfer(result).object == "results/spectrum/fft.csv"
    assert (
        transfer(result).path
        == f"serrano/data/Output_Data/jobs/{spectrum.id}.1/CSVFormate/FFT_Filter_output.csv"
    )


def test_the_input_is_staged_below_the_folder_of_the_workflow_and_read_from_there(api: TestClient) -> None:
    mine = start(api)["id"]
    staged = transfer(end_transfer(mine))
    assert staged.path == f"serrano/data/Init_Data/workflows/{mine}/table.csv"
    assert job(step_id(mine, "smooth")).params["read_input_data"] == f"/Init_Data/workflows/{mine}/table.csv"


def test_its_history_has_each_change(api: TestClient) -> None:
    mine = start(api, SMOOTH, output=None)["id"]
    end_transfer(mine)
    end_job(mine, "smooth")
    told = [(e["from_state"], e["to_state"]) for e in api.get(f"/workflow/{mine}/events").json()]
    assert told == [("", "accepted"), ("accepted", "running"), ("running", "succeeded")]


def test_an_input_on_the_cluster_is_read_where_it_is(api: TestClient) -> None:
    status = start(api, SMOOTH, SPECTRUM, input={"path": "/Init_Data/x.csv"})
    assert states(status)["smooth"] == "accepted"
    assert "input" not in states(status)
    assert job(step_id(status["id"], "smooth")).params["read_input_data"] == "/Init_Data/x.csv"


def test_a_url_is_staged_by_an_ordinary_transfer(api: TestClient) -> None:
    status = start(api, SMOOTH, input={"url": "https://example.org/a%20b.csv?x=1"})
    row = transfer(UUID(status["steps"][0]["id"]))
    assert (row.kind, row.path) == ("data", f"serrano/data/Init_Data/workflows/{status['id']}/a b.csv")
    assert (row.workflow_id, row.step) == (UUID(status["id"]), "input")


def test_jobs_that_read_the_input_begin_together_and_all_results_go_out(api: TestClient) -> None:
    both: dict[str, Any] = {"name": "filters", "services": ["fft", "min_max"]}
    mine = start(api, SMOOTH, both)["id"]
    end_transfer(mine)
    assert states(show(api, mine))["smooth"] == states(show(api, mine))["filters"] == "accepted"
    end_job(mine, "filters")
    assert states(show(api, mine)) == {
        "input": "completed",
        "smooth": "accepted",
        "filters": "succeeded",
        "smooth/savitzky_golay.csv": "waiting",
        "filters/fft.csv": "accepted",
        "filters/min_max.csv": "accepted",
    }


def test_labels_of_a_clustering_are_read_by_a_classification(api: TestClient) -> None:
    kmean: dict[str, Any] = {"name": "groups", "services": ["kmean"]}
    knn: dict[str, Any] = {"name": "classes", "services": ["knn"], "labels_from": "groups"}
    mine = start(api, kmean, knn)["id"]
    end_transfer(mine)
    assert states(show(api, mine))["classes"] == "waiting"
    groups = end_job(mine, "groups")
    params = job(step_id(mine, "classes")).params
    assert params["clustering_label_path"] == f"/Output_Data/jobs/{groups}.1/KMean/KMean_cluster.csv"
    assert params["read_input_data"] == f"/Init_Data/workflows/{mine}/table.csv"


def test_a_job_in_another_workspace_reads_the_result_of_the_job_before(api: TestClient) -> None:
    mine = start(api, SMOOTH, {**SPECTRUM, "params": {"workspace": "/other"}})["id"]
    end_transfer(mine)
    smooth = end_job(mine, "smooth")
    row = job(step_id(mine, "spectrum"))
    assert row.params["read_input_data"] == (
        f"/../data/Output_Data/jobs/{smooth}.1/CSVFormate/SavitzkeyGolay_output.csv"
    )
    assert row.data_folder.endswith("/serrano/other")


def test_a_result_in_another_format_keeps_its_ending(api: TestClient) -> None:
    mine = start(api, {**SMOOTH, "params": {"output_format": "parquet"}})["id"]
    end_transfer(mine)
    end_job(mine, "smooth")
    assert states(show(api, mine))["smooth/savitzky_golay.parquet"] == "accepted"


def test_a_job_may_have_the_name_of_the_input(api: TestClient) -> None:
    mine = start(api, {"name": "input", "services": ["fft"]}, output=None)["id"]
    end_transfer(mine)
    end_job(mine, "input")
    assert show(api, mine)["state"] == "succeeded"


def test_a_request_with_a_key_is_carried_out_once(api: TestClient) -> None:
    answers = [api.post("/workflow", json=body(), headers={"Idempotency-Key": "one"}) for _ in range(2)]
    assert answers[0].status_code == answers[1].status_code == 201
    assert answers[0].json() == answers[1].json()
    assert api.get("/workflow").json()["counts"] == {"accepted": 1}


def test_it_is_listed_and_found_by_filters_and_by_many_ids(api: TestClient) -> None:
    first, second = start(api)["id"], start(api)["id"]
    page = api.get("/workflow", params={"limit": 1}).json()
    assert [each["id"] for each in page["items"]] == [second]
    page = api.get("/workflow", params={"limit": 1, "cursor": page["next"]}).json()
    assert ([each["id"] for each in page["items"]], page["next"]) == ([first], None)
    end_transfer(first)
    assert [each["id"] for each in api.get("/workflow?state=running").json()["items"]] == [first]
    assert api.get("/workflow?state=running&state=accepted").json()["counts"] == {"accepted": 1, "running": 1}
    assert api.get("/workflow?infrastructure=other").json()["items"] == []
    assert api.get("/workflow?state=pending").status_code == 400
    found = api.post("/status", json={"ids": [second, first, "x"]}).json()
    assert found == [show(api, second), show(api, first), None]


def test_operators_see_the_workflows_by_state(api: TestClient) -> None:
    end_transfer(start(api)["id"])
    start(api)
    seen = api.get("/overview").json()["work"]
    found = {(each["kind"], each["state"]): each["count"] for each in seen}
    assert (found["workflow", "accepted"], found["workflow", "running"]) == (1, 1)
    assert (
        'gateway_work{infrastructure="hpc",kind="workflow",state="running"} 1.0' in api.get("/metrics").text
    )


def test_its_tag_changes_with_its_steps(api: TestClient) -> None:
    mine = start(api)["id"]
    tag = api.get(f"/workflow/{mine}").headers["ETag"]
    assert api.get(f"/workflow/{mine}", headers={"If-None-Match": tag}).status_code == 304
    end_transfer(mine)
    answer = api.get(f"/workflow/{mine}?wait=5", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.json()["state"]) == (200, "running")
