"""The contract over HTTP: words, codes and bodies, on a real database and a real queue."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
from fastapi.testclient import TestClient
from pydantic import SecretStr

from gateway.jobs.services import SERVICES
from gateway.settings import get_settings
from tests.bodies import DATA, JOB, RESULT
from tests.rows import SECRET


def test_services_are_the_contracts_in_its_order(api: TestClient) -> None:
    assert api.get("/services").json() == [
        {"name": "kalman"},
        {"name": "fft"},
        {"name": "min_max"},
        {"name": "savitzky_golay"},
        {"name": "black_scholes"},
        {"name": "wavelet"},
        {"name": "kmean"},
        {"name": "knn"},
    ]


def test_the_options_of_a_service_are_published(api: TestClient) -> None:
    schema = api.get("/services/fft/options").json()
    assert schema["properties"]["window"]["enum"] == ["none", "hann", "hamming", "blackman"]
    answer = api.get("/services/fourier/options")
    assert answer.status_code == 404
    assert answer.json()["detail"].startswith("there is no service 'fourier'; there are kalman, fft,")


@pytest.mark.parametrize(("url", "body"), [("/s3_data", DATA), ("/s3_result", RESULT)])
def test_a_transfer_is_accepted_at_once_and_echoed_without_its_keys(
    api: TestClient, url: str, body: dict[str, Any]
) -> None:
    answer = api.post(url, json=body)
    assert answer.status_code == 201
    status = answer.json()
    echoed = {key: value for key, value in body.items() if key not in {"access_key", "secret_key"}}
    assert echoed.items() <= status.items()
    assert status["region"] == "local"
    assert (status["status"], status["state"], status["reason"]) == ("transferring", "accepted", "")
    assert (status["bytes_total"], status["bytes_done"], status["attempt"]) == (None, 0, 1)
    assert SECRET not in answer.text
    assert "access_key" not in status
    assert api.get(f"{url}/{status['id']}").json() == status


def test_only_the_id_crosses_the_broker(api: TestClient, broker: str) -> None:
    row_id = api.post("/s3_data", json=DATA).json()["id"]
    with redis.Redis.from_url(broker) as queue:
        messages = [json.loads(text) for text in queue.lrange("hpc.long", 0, -1)]
        mine = [message for message in messages if message["headers"]["id"] == row_id]
    assert [message["headers"]["task"] for message in mine] == ["transfers.run"]
    assert mine[0]["headers"]["argsrepr"] == f"['{row_id}']"


def test_a_job_is_accepted_at_once(api: TestClient) -> None:
    answer = api.post("/job", json=JOB)
    assert answer.status_code == 201
    status = answer.json()
    assert (status["status"], status["state"], status["scheduler_id"]) == ("queued", "accepted", "")
    assert (status["success"], status["exit_code"], status["outputs"]) == (None, None, [])
    assert status["services"] == ["fft", "min_max"]
    assert status["params"]["num_mpi_procs"] == 4
    assert status["params"]["fft"] == {"spectrum": "full", "window": "none"}
    assert status["created_at"].endswith("Z")
    assert api.get(f"/job/{status['id']}").json() == status


@pytest.mark.parametrize("period", [None, 0, 10, 1, 3600])
def test_a_watch_period_may_be_left_to_the_default(api: TestClient, period: float | None) -> None:
    assert api.post("/job", json={**JOB, "watch_period": period}).status_code == 201


@pytest.mark.parametrize("period", [0.5, 0.999, 1e-300, -1])
def test_a_short_watch_period_is_raised_with_a_warning(api: TestClient, period: float) -> None:
    answer = api.post("/job", json={**JOB, "watch_period": period})
    assert answer.status_code == 201
    assert answer.json()["warnings"] == [f"watch_period {period:g} was raised to 1 s"]


def test_the_document_has_an_accepted_example_of_each_service(api: TestClient) -> None:
    body = api.get("/openapi.json").json()["paths"]["/job"]["post"]["requestBody"]
    examples = body["content"]["application/json"]["examples"]
    for service in SERVICES:
        assert service in examples[service]["value"]["services"]
    for example in examples.values():
        answer = api.post("/job", json={**example["value"], "infrastructure": "hpc"})
        assert answer.status_code == 201, answer.text
        assert answer.json()["warnings"] == []


def test_ids_of_one_kind_are_unknown_to_another(api: TestClient) -> None:
    data = api.post("/s3_data", json=DATA).json()["id"]
    job = api.post("/job", json=JOB).json()["id"]
    for url in (
        f"/s3_result/{data}",
        f"/job/{data}",
        f"/s3_data/{job}",
        f"/s3_data/{uuid4()}",
        "/job/no-uuid",
    ):
        answer = api.get(url)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["message"] == answer.json()["detail"]


def test_trailing_slashes_are_accepted_without_a_redirect(api: TestClient) -> None:
    answer = api.post("/job/", json=JOB, follow_redirects=False)
    assert answer.status_code == 201
    assert api.get(f"/job/{answer.json()['id']}/", follow_redirects=False).status_code == 200
    assert api.get("/services/", follow_redirects=False).status_code == 200


def test_jobs_are_listed_newest_first_page_by_page(api: TestClient) -> None:
    made = [api.post("/job", json=JOB).json()["id"] for _ in range(5)]
    seen, cursor = [], None
    for _ in range(3):
        page = api.get("/job", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [job["id"] for job in page["items"]]
        cursor = page["next"]
    assert seen == made[::-1]
    assert cursor is None
    assert api.get("/job", params={"state": "running"}).json()["items"] == []
    assert len(api.get("/job", params={"infrastructure": "hpc"}).json()["items"]) == 5


@pytest.mark.parametrize("query", [{"cursor": "x"}, {"cursor": "é"}, {"limit": 0}, {"state": "asleep"}])
def test_a_bad_query_is_400(api: TestClient, query: dict[str, Any]) -> None:
    assert api.get("/job", params=query).status_code == 400


def test_cancel_ends_a_job_that_waits_and_says_409_for_one_that_has_ended(api: TestClient) -> None:
    job_id = api.post("/job", json=JOB).json()["id"]
    ended = api.post(f"/job/{job_id}/cancel").json()
    assert (ended["status"], ended["state"], ended["success"]) == ("completed", "cancelled", False)
    again = api.post(f"/job/{job_id}/cancel")
    assert again.status_code == 409
    assert api.post(f"/job/{uuid4()}/cancel").status_code == 404


def test_health_tells_what_is_there(api: TestClient) -> None:
    assert api.get("/health/live").json()["status"] == "ok"
    assert api.get("/health/ready").json()["checks"] == {"database": "ok", "broker": "ok"}


def test_a_new_database_is_not_ready(settings: None, broker: str) -> None:
    from tests.application import make_app  # noqa: PLC0415  see conftest

    with TestClient(make_app(), raise_server_exceptions=False) as client:
        answer = client.get("/health/ready")
        assert answer.status_code == 503
        assert "hpc-gateway migrate" in answer.json()["checks"]["database"]


def test_a_request_without_the_queue_is_accepted_all_the_same(
    api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = get_settings().model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")})
    monkeypatch.setattr("gateway.queue.publisher.get_settings", lambda: nowhere)
    answer = api.post("/s3_data", json=DATA)
    assert answer.status_code == 201
    assert UUID(answer.json()["id"])


@pytest.mark.parametrize(("url", "code"), [("/nowhere", 404), ("/job", 405)])
def test_what_the_framework_refuses_is_a_problem_too(api: TestClient, url: str, code: int) -> None:
    answer = api.delete(url)
    assert answer.status_code == code
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == code


@pytest.mark.parametrize("url", ["/ui", "/docs", "/openapi.json"])
def test_the_api_explains_itself(api: TestClient, url: str) -> None:
    assert api.get(url).status_code == 200


def test_the_openapi_document_knows_problems_and_no_other_error(api: TestClient) -> None:
    document = api.get("/openapi.json").json()
    assert "Problem" in document["components"]["schemas"]
    assert "HTTPValidationError" not in document["components"]["schemas"]
    calls = [call for path in document["paths"].values() for call in path.values()]
    errors = [a for call in calls for code, a in call["responses"].items() if code == "422"]
    assert all("application/problem+json" in answer["content"] for answer in errors)
    assert document["components"]["schemas"]["JobRequest"]["examples"]
