"""Work that is under way: its progress is seen, and it can be stopped."""

import logging
import time
from pathlib import Path

import pytest

from gateway.schedulers.local.attempt import CANCELLED
from tests.client import BUCKET, DATA, Client
from tests.fault_proxy import Fault, proxy
from tests.gate import Gate
from tests.jobs import attempts, frozen
from tests.polling import until

MIB = 1 << 20
PART_BYTES_PER_S = MIB // 4  # on each of eight connections: half a minute for all the bytes
WITHIN_S = 10.0  # a cancel takes about two; the transfer itself could not have ended by then
_log = logging.getLogger(__name__)


def test_progress_grows_while_a_large_object_moves_in(client: Client) -> None:
    data = bytes(range(256)) * (48 * MIB // 256)
    client.put("large.bin", data)
    with Gate(client.stack.store.port, 12 * MIB) as gate:
        accepted = client.stage_in("large.bin", f"{DATA}/large.bin", endpoint=gate.url)
        seen: list[int] = []

        def grown() -> bool:
            status = client.get(f"/s3_data/{accepted['id']}")
            assert status["status"] == "transferring"
            assert status["bytes_total"] in {None, len(data)}
            if status["bytes_done"] <= (seen[-1] if seen else 0):
                return False
            seen.append(status["bytes_done"])
            return True

        until("the first bytes are counted", grown)
        assert seen[-1] <= 13 * MIB
        assert not client.file(f"{DATA}/large.bin").exists()
        gate.let(12 * MIB)
        until("more bytes are counted", grown)
        gate.open()
        ended = client.moved("/s3_data", accepted)
    assert (ended["status"], ended["bytes_done"]) == ("completed", len(data))
    assert client.file(f"{DATA}/large.bin").read_bytes() == data


def test_a_transfer_under_way_can_be_cancelled_and_leaves_nothing(client: Client) -> None:
    client.put("stopped.bin", bytes(24 * MIB))
    place = client.file(f"{DATA}/stopped/x.bin")
    with Gate(client.stack.store.port, 8 * MIB) as gate:
        accepted = client.stage_in("stopped.bin", f"{DATA}/stopped/x.bin", endpoint=gate.url)
        url = f"/s3_data/{accepted['id']}"
        until("bytes are counted", lambda: client.get(url)["bytes_done"])
        assert client.http.post(f"{url}/cancel").status_code == 200
        ended = client.moved("/s3_data", accepted)  # although the store is silent all the time
    assert (ended["status"], ended["state"]) == ("failure", "cancelled")
    until("nothing is left of it", lambda: not list(place.parent.iterdir()))
    assert client.http.post(f"{url}/cancel").status_code == 409


@pytest.mark.parametrize("upwards", [False, True])
def test_a_cancel_does_not_wait_for_the_parts_that_are_under_way(client: Client, *, upwards: bool) -> None:
    name, data = f"slow-{upwards}.bin", bytes(64 * MIB)
    place = client.file(f"{DATA}/slow/{name}")
    with proxy(client.stack.store.port, lambda _: Fault("slow", bytes_per_s=PART_BYTES_PER_S)) as slow:
        if upwards:
            client.write(f"{DATA}/slow/{name}", data)
            url, accepted = "/s3_result", client.stage_out(f"{DATA}/slow/{name}", name, endpoint=slow.url)
        else:
            client.put(name, data)
            url, accepted = "/s3_data", client.stage_in(name, f"{DATA}/slow/{name}", endpoint=slow.url)
        until("bytes are counted", lambda: client.get(f"{url}/{accepted['id']}")["bytes_done"])
        begun = time.monotonic()
        assert client.http.post(f"{url}/{accepted['id']}/cancel").status_code == 200
        ended = client.moved(url, accepted)
        until("nothing is left of it", lambda: _left(client, place, name) == ([name] if upwards else []))
        took = time.monotonic() - begun
    _log.info("cancelled %s: nothing left after %.1f s", "upwards" if upwards else "downwards", took)
    assert (ended["state"], took < WITHIN_S) == ("cancelled", True), took


def _left(client: Client, place: Path, name: str) -> list[str]:
    """Return the files beside the place, and the uploads that are open."""
    uploads = client.s3.list_multipart_uploads(Bucket=BUCKET, Prefix=name).get("Uploads", [])
    return sorted(path.name for path in place.parent.iterdir()) + [upload["UploadId"] for upload in uploads]


def test_a_running_job_can_be_cancelled_and_leaves_no_process(client: Client) -> None:
    job = client.compute(["fft"], client.place("endless.csv", b"x\n1\n2\n"), num_mpi_procs=1)
    with frozen(client, job) as script:
        answer = client.http.post(f"/job/{job['id']}/cancel")
        assert answer.status_code == 200
        assert client.http.post(f"/job/{job['id']}/cancel").status_code == 200
        (folder,) = attempts(client, job)
        until("the scheduler was told", (folder / CANCELLED).exists)
    ended = client.finished(job)
    assert (ended["status"], ended["state"], ended["success"]) == ("completed", "cancelled", False)
    assert ended["outputs"] == []
    until("the job's processes are gone", lambda: not script.is_running())
    assert client.http.post(f"/job/{job['id']}/cancel").status_code == 409
