"""`POST /infrastructure` with the operator's keys: hostile values change no other part, and none is a 500."""

import threading
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from gateway.clusters.served import checked_cluster
from gateway.errors import Invalid
from gateway.models import Transfer
from gateway.settings import get_settings
from gateway.storage.address import Credentials
from gateway.transfers.lifecycle import S3Request, draft
from gateway.work.acceptance import Accepted, Submission, accept
from tests.bodies import DATA
from tests.rows import S3

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ6fJSLzA8FDvQyY5u2M4mF1cA0m7U1mEw0d1gkZpEo0"
KEYS = """
[lab]
file = "id_lab"
hosts = ["login.example.org:22", "10.0.0.0/8:22"]
usernames = ["gateway"]
python = ["/opt/.*/python3"]
roots = ["/scratch/.*", "/home/.*"]
"""
NEW = {
    "name": "far",
    "host": "login.example.org",
    "username": "gateway",
    "hostname": "login",
    "scheduler": "slurm",
    "ssh_key": {"path": "lab"},
    "host_key": HOST_KEY,
}


@pytest.fixture(autouse=True)
def _operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "keys.toml").write_text(KEYS)
    (tmp_path / "id_lab").write_text("a key")
    (tmp_path / "id_unnamed").write_text("a key")
    monkeypatch.setenv("GATEWAY_SSH_KEYS", str(tmp_path))
    monkeypatch.setenv("GATEWAY_SSH_HOSTS", "login.example.org:22 10.0.0.0/8:22")
    monkeypatch.setenv("GATEWAY_REMOTE_WITHOUT_ACCOUNTS", "true")
    get_settings.cache_clear()


def test_an_entry_that_lacks_nothing(api: TestClient, tmp_path: Path) -> None:
    for path in ("lab", str(tmp_path / "id_lab")):
        answer = api.post("/infrastructure", json={**NEW, "ssh_key": {"path": path}})
        assert (answer.status_code, "reason" in answer.json()) == (201, False)
    assert checked_cluster("far").ssh is not None


@pytest.mark.parametrize(
    "change",
    [
        {"host": "login.example.org\n"},
        {"host": "login.example.org,evil"},
        {"host": "-oProxyCommand=id"},
        {"host": "*.example.org"},
        {"host": "\u24db\u24de\u24d6\u24d8\u24dd.example.org"},
        {"username": "gateway\n"},
        {"username": "Gateway"},
        {"username": "-lroot"},
        {"username": "root"},
        {"port": 23},
        {"ssh_key": {"path": "id_lab"}},
        {"ssh_key": {"path": "LAB"}},
        {"ssh_key": {"path": "lab\0"}},
        {"ssh_key": {"path": "../x/id_lab"}},
        {"ssh_key": {"path": "/etc/shadow"}},
        {"ssh_key": {"path": "/no/such/file"}},
        {"ssh_key": {"path": "keys.toml"}},
        {"host_key": ""},
        {"roots": ["/home/gateway/.hpc-gateway"]},
        {"roots": ["/home/gateway/.hpc-gateway/x"]},
        {"roots": ["/scratch/{owner}", "/scratch/a/{owner}/{owner}"]},
        {"roots": ["/scratch/x", "/scratch/x/{owner}"]},
    ],
    ids=lambda change: f"{change!a}",
)
def test_an_entry_that_is_not_served(api: TestClient, change: dict[str, Any]) -> None:
    answer = api.post("/infrastructure", json={**NEW, **change})
    assert answer.status_code in {201, 400}, answer.text
    if answer.status_code == 201:
        assert answer.json().get("reason"), answer.text
        with pytest.raises(Invalid):
            checked_cluster("far")


@pytest.mark.parametrize(
    "change",
    [
        {"port": 0},
        {"port": 65536},
        {"host_key": "* ssh-ed25519 AAAA"},
        {"host_key": f"@cert-authority {HOST_KEY}"},
        {"host_key": f"{HOST_KEY}\nevil.example.org {HOST_KEY}"},
        {"python": "/opt/a/../../tmp/python3"},
        {"python": "/usr/bin/python3"},
        {"python": "/opt/a\nb/python3"},
        {"python": "/opt/\0/python3"},
        {"roots": ["/scratch/../etc"]},
        {"roots": ["/etc"]},
        {"roots": ["scratch/x"]},
        {"roots": ["/scratch/a\nb"]},
        {"roots": ["/scratch/\0"]},
        {"roots": ["/scratch/a"] * 17},
        {"scheduler": "local"},
        {"name": "../x"},
    ],
    ids=lambda change: f"{change!a}"[:60],
)
def test_a_value_that_no_entry_may_have_is_400(api: TestClient, change: dict[str, Any]) -> None:
    answer = api.post("/infrastructure", json={**NEW, **change})
    assert (answer.status_code, api.get("/infrastructure/far").status_code) == (400, 404), answer.text


def test_no_answer_tells_whether_a_file_exists(api: TestClient, tmp_path: Path) -> None:
    paths = (f"{tmp_path}/id_unnamed", f"{tmp_path}/gone", "/etc/passwd", "/no/such", f"{tmp_path}/keys.toml")
    told = {api.post("/infrastructure", json={**NEW, "ssh_key": {"path": path}}).text for path in paths}
    assert len(told) == 1


def test_work_under_way_keeps_the_parts_that_it_needs(api: TestClient) -> None:
    assert api.post("/infrastructure", json=NEW).status_code == 201
    assert api.post("/s3_data", json={**DATA, "infrastructure": "far"}).status_code == 201
    for change in ({"host": "10.0.0.1"}, {"roots": ["/scratch/x"]}, {"scheduler": "pbs"}, {"username": "x"}):
        answer = api.post("/infrastructure", json={**NEW, **change})
        assert (answer.status_code, "unfinished" in answer.text) == (409, True)
    assert api.delete("/infrastructure/far").status_code == 409
    for change in ({}, {"host_key": f"{HOST_KEY}\n{HOST_KEY}"}, {"python": "/opt/x/python3"}):
        assert api.post("/infrastructure", json={**NEW, **change}).status_code == 201


def test_an_entry_is_not_deleted_while_its_first_work_begins(api: TestClient) -> None:
    """The two transactions overlap: work of a deleted cluster never stays."""
    assert api.post("/infrastructure", json=NEW).status_code == 201
    deleted: list[int] = []
    delete = threading.Thread(target=lambda: deleted.append(api.delete("/infrastructure/far").status_code))

    def show(row: Transfer) -> str:
        delete.start()
        delete.join(0.5)
        return str(row.id)

    request = S3Request("s3_data", "far", path="x.csv", opening=Credentials("a", "s"), **S3)
    (result,) = accept([Submission(lambda session: draft(session, "local", request), show)])
    delete.join()
    assert isinstance(result, Accepted)
    assert deleted == [409]
    assert api.get("/infrastructure/far").status_code == 200
