"""`GET /job/{id}/log`: what a job has written, through the cluster's control queue."""

import httpx
import pytest

from tests.client import Client, Status


@pytest.fixture(scope="module")
def failed(client: Client) -> Status:
    return client.finished(client.compute(["fft"], client.place("log_é.csv", b"a\n1\nx\n")))


def log(client: Client, job: Status, **query: str | int) -> httpx.Response:
    return client.http.get(f"/job/{job['id']}/log", params=query)


def test_stderr_says_why(client: Client, failed: Status) -> None:
    told = log(client, failed, stream="stderr").json()
    assert "log_é.csv" in told["text"]
    assert told["offset"] == 0
    assert told["next_offset"] == told["size"] == len(told["text"].encode())


def test_parts(client: Client, failed: Status) -> None:
    whole = log(client, failed, stream="stderr").json()
    rest = log(client, failed, stream="stderr", offset=3).json()
    assert rest["text"] == whole["text"][3:]
    last = log(client, failed, stream="stderr", tail=6).json()
    assert (last["offset"], last["next_offset"]) == (whole["size"] - 6, whole["size"])
    beyond = log(client, failed, stream="stderr", offset=10**9).json()
    assert (beyond["text"], beyond["offset"]) == ("", whole["size"])


def test_an_empty_log(client: Client, failed: Status) -> None:
    assert log(client, failed).json()["stream"] == "stdout"


@pytest.mark.parametrize(
    "query", [{"stream": "secret"}, {"offset": -1}, {"tail": 0}, {"tail": 1, "offset": 1}, {"tail": "x"}]
)
def test_bad_questions(client: Client, failed: Status, query: dict[str, str | int]) -> None:
    assert log(client, failed, **query).status_code == 400


def test_an_unknown_job(client: Client) -> None:
    assert client.http.get("/job/00000000-0000-0000-0000-000000000000/log").status_code == 404


def test_usage_of_a_finished_job(client: Client, failed: Status) -> None:
    good = client.finished(
        client.compute(["fft"], client.place("u.csv", b"a;b\n1;2\n3;4\n"), num_mpi_procs=2)
    )
    usage = good["usage"]
    assert (usage["cpus_requested"], usage["ranks_measured"]) == (2, 2)
    assert usage["cpu_s"] > 0
    assert usage["memory_peak_bytes"] > 1e6
    assert usage["wall_s"] > 0
    assert 0 < usage["cpu_efficiency"] <= 1.5
    assert failed["usage"]["wall_s"] > 0
    assert failed["usage"]["ranks_measured"] > 0
    assert failed["usage"]["cpu_s"] > 0
