"""The secret key is nowhere: after everything else has run, and while its request waits in the queue."""

from pathlib import Path
from urllib.parse import quote

import httpx
import psutil
import pytest
import redis

from tests import leaks
from tests.client import DATA, Client
from tests.collector import Collector
from tests.faults.killing import paused
from tests.jobs import frozen
from tests.polling import until

PLANTED = 'a planted/secret+key="with\\odd" signs & {more} of them'


@pytest.fixture
def needles(client: Client) -> list[bytes]:
    """Return every spelling of the store's real secret and of one that no store accepts."""
    return [*leaks.spellings(client.stack.store.secret_key), *leaks.spellings(PLANTED)]


def test_the_search_finds_a_secret_in_any_spelling(needles: list[bytes], tmp_path: Path) -> None:
    for number, needle in enumerate(needles):
        assert len(needle) > 20
        (tmp_path / str(number)).write_bytes(b"before " + needle + b" after")
    assert len(leaks.in_files(tmp_path, needles)) == len(needles)


def test_the_queue_holds_only_ids(client: Client, needles: list[bytes]) -> None:
    client.put("secret.csv", b"x\n1\n")
    with redis.Redis.from_url(client.stack.queue.url) as server:
        with paused(client.stack, "worker"):
            # A pop that was under way takes a message out of Redis and into a socket that nobody reads.
            until("no worker waits any more", lambda: not server.info("clients")["blocked_clients"])
            dst = f"{DATA}/secret.csv"
            waiting = [client.stage_in("secret.csv", dst), client.stage_in("x", dst, secret_key=PLANTED)]
            found, everything = leaks.in_redis(server, needles)
            assert found == []
            assert all(transfer["id"].encode() in everything for transfer in waiting)
        assert [client.moved("/s3_data", transfer)["status"] for transfer in waiting] == [
            "completed",
            "failure",
        ]
        assert leaks.in_redis(server, needles)[0] == []


def test_what_stands_in_for_keys_is_hidden_like_keys(client: Client, needles: list[bytes]) -> None:
    fields = client.store_fields() | {"object": "x", "dst": f"{DATA}/never.csv"}
    keys = {"name": "n", "endpoint": fields["endpoint"], "access_key": "demo-user", "secret_key": PLANTED}
    once = {"Idempotency-Key": "a-key-of-its-own"}
    answers = [client.http.post("/credentials", json=keys, headers=once) for _ in range(2)]
    rest = {name: value for name, value in fields.items() if name not in {"access_key", "secret_key"}}
    signed = f"{fields['endpoint']}/{fields['bucket']}/x?X-Amz-Signature={quote(PLANTED, safe='')}"
    for opening in ({"credential_id": answers[0].json()["id"]}, {"presigned_url": signed}):
        ended = client.moved("/s3_data", client.post("/s3_data", rest | opening))
        assert ended["status"] == "failure"
        url = f"/s3_data/{ended['id']}"
        answers += [client.http.get(url), client.http.get(f"{url}/events"), client.http.get("/credentials")]
    assert not any(needle in answer.content for answer in answers for needle in needles)


def test_no_process_is_given_the_secret(client: Client, needles: list[bytes]) -> None:
    job = client.compute(["fft"], client.place("given.csv", b"x\n1\n2\n"), num_mpi_procs=1)
    with frozen(client, job) as script:
        found, looked = leaks.in_processes(psutil.Process(), needles)
        of_the_job, ranks = leaks.in_processes(script, needles)
    assert (found, of_the_job) == ([], [])
    assert looked >= 12
    assert ranks >= 1
    client.finished(job)


def test_no_file_of_the_service_or_of_the_cluster_holds_the_secret(
    client: Client, needles: list[bytes]
) -> None:
    folder, url = client.stack.folder, client.stack.env["GATEWAY_DATABASE_URL"]
    database = folder / "gateway.db"
    if not url.startswith("sqlite"):
        leaks.dump(url, database)
    assert database.stat().st_size > 1000
    assert leaks.in_files(folder, needles) == [str(client.stack.store.folder / "accounts.json")]
    assert list(client.stack.home.rglob("job.json"))


def test_flower_shows_no_secret(client: Client, needles: list[bytes]) -> None:
    stack = client.stack
    with httpx.Client(base_url=stack.flower_url, auth=("demo", stack.flower_password), timeout=30) as flower:
        tasks = flower.get("/api/tasks", params={"limit": 10_000})
        workers = flower.get("/api/workers")
        pages = [tasks, workers, *(flower.get(f"/task/{task}") for task in list(tasks.json())[:50])]
    assert "transfers.run" in tasks.text
    assert workers.status_code == 200
    assert not any(needle in page.content for page in pages for needle in needles)
    assert httpx.get(f"{stack.flower_url}/api/tasks").status_code == 401


def test_no_trace_holds_the_secret(client: Client, collector: Collector, needles: list[bytes]) -> None:
    client.moved("/s3_data", client.stage_in("x", f"{DATA}/never.csv", secret_key=PLANTED))
    assert any(span.service == "hpc-gateway-worker" for span in collector.spans())
    assert not any(needle in body for body in collector.bodies for needle in needles)


def test_no_answer_of_the_api_shows_the_secret(client: Client, needles: list[bytes]) -> None:
    transfer = client.stage_in("x", f"{DATA}/never.csv", secret_key=PLANTED)
    ended = client.moved("/s3_data", transfer)
    bad = client.http.post("/s3_data", json={**ended, "secret_key": PLANTED, "access_key": 7})
    assert bad.status_code == 400
    answers = [bad, client.http.get(f"/s3_data/{transfer['id']}"), client.http.get("/infrastructure")]
    assert not any(needle in answer.content for answer in answers for needle in needles)
