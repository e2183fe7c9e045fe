"""Clients of the first generation: plain loops over exact words, and the pages that they knew."""

import time

import httpx

from tests.client import DATA, INPUTS, Client, Status, recording
from tests.jobs import frozen
from tests.polling import until

TIRED_S = 90.0
FRESH_S = 20.0  # the contract says a few seconds; a busy machine may take longer to answer


def test_the_loops_of_an_old_client_end_with_the_exact_words(client: Client) -> None:
    client.put("old.csv", recording())
    transfer = client.stage_in("old.csv", f"{DATA}/{INPUTS}/old.csv")
    assert {"access_key", "secret_key"}.isdisjoint(transfer)
    words = [transfer["status"]]
    while words[-1] == "transferring":
        _pause(words)
        words.append(client.get(f"/s3_data/{transfer['id']}/")["status"])
    assert words[0] == "transferring"
    assert words[-1] == "completed"

    body = {
        "services": ["fft"],
        "infrastructure": "demo",
        "params": {"read_input_data": f"/{INPUTS}/old.csv", "icase": 3, "filter": {"fft": 1}, "odd": 1},
        "watch_period": 0,
    }
    job = client.post("/job/", body)
    assert (job["success"], job["exit_code"], job["scheduler_id"]) == (None, None, "")
    seen = [job["status"]]
    with frozen(client, job):  # or it would be over before anybody looks
        seen.append(client.get(f"/job/{job['id']}")["status"])
    while seen[-1] != "completed":
        _pause(seen)
        status = client.get(f"/job/{job['id']}")
        assert status["status"] != "completed" or status["outputs"]
        seen.append(status["status"])
    assert list(dict.fromkeys(seen)) == ["queued", "running", "completed"]
    assert [warning for warning in status["warnings"] if "odd" in warning]
    assert status["scheduler_id"] != ""


def _pause(words: list[str]) -> None:
    """Poll as a client does, and give up on a service that never ends."""
    time.sleep(0.1)
    assert len(words) < TIRED_S / 0.1, words[-1]


def test_the_services_are_listed_in_their_old_order(client: Client) -> None:
    names = [service["name"] for service in client.http.get("/services").json()]
    assert names == [
        *("kalman", "fft", "min_max", "savitzky_golay"),
        *("black_scholes", "wavelet", "kmean", "knn"),
    ]


def test_swagger_ui_is_where_it_always_was(client: Client) -> None:
    for url in ("/ui", "/ui/", "/docs"):
        page = client.http.get(url)
        assert page.status_code == 200
        assert "swagger-ui" in page.text


def _telemetry(client: Client) -> Status | None:
    answer = client.http.get("/infrastructure/demo/telemetry")
    found: Status | None = answer.json() if answer.status_code == httpx.codes.OK else None
    return found


def test_telemetry_is_live(client: Client) -> None:
    idle = until("a worker answers", lambda: _telemetry(client))
    (partition,) = idle["partitions"]
    assert (partition["total_nodes"], partition["running_jobs"], partition["queued_jobs"]) == (1, 0, 0)
    assert partition["avail_cpus"] == partition["total_cpus"] > 0
    job = client.compute(["fft"], client.place("telemetry.csv", b"x\n1\n2\n"), num_mpi_procs=1)
    with frozen(client, job):

        def busy() -> Status | None:
            seen = client.get("/infrastructure/demo/telemetry")
            return seen if seen["partitions"][0]["running_jobs"] == 1 else None

        seen = until("the running job is counted", busy, FRESH_S)
    assert seen["as_of"] > idle["as_of"]
    assert seen["partitions"][0]["avail_cpus"] == partition["total_cpus"] - 1
    client.finished(job)
