"""Rows of clusters over REST keep the definition that they began with, and take newer keys."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from gateway.clusters import catalog, served
from gateway.clusters.remote_entries import Definition
from gateway.clusters.served import served_cluster
from gateway.db import session_scope
from gateway.errors import NotFound
from gateway.settings import get_settings

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ6fJSLzA8FDvQyY5u2M4mF1cA0m7U1mEw0d1gkZpEo0"
FIRST = Definition("login.example.org", "login", "gateway", "slurm", key="lab", host_key=HOST_KEY)
KEYS = """
[lab]
file = "id_lab"
hosts = ["login.example.org:22", "new.example.org:22"]
usernames = ["gateway"]
[spare]
file = "id_spare"
hosts = ["login.example.org:22", "new.example.org:22"]
usernames = ["gateway"]
"""


@pytest.fixture(autouse=True)
def _operator(database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "keys.toml").write_text(KEYS)
    monkeypatch.setenv("GATEWAY_SSH_KEYS", str(tmp_path))
    monkeypatch.setenv("GATEWAY_SSH_HOSTS", "login.example.org:22 new.example.org:22")
    monkeypatch.setenv("GATEWAY_REMOTE_WITHOUT_ACCOUNTS", "true")
    get_settings.cache_clear()
    served._look_up.cache_clear()  # noqa: SLF001


def add(definition: Definition, password: str = "") -> int:
    with session_scope() as session:
        return catalog.add_cluster(session, "far", definition, password).revision


def test_rows_keep_their_definition_and_take_newer_keys() -> None:
    assert add(FIRST) == add(FIRST) == 1
    assert add(replace(FIRST, host="new.example.org"), "open") == 2
    assert add(replace(FIRST, host="new.example.org", key="spare"), "open") == 3
    for revision, host in ((1, "login.example.org"), (2, "new.example.org"), (None, "new.example.org")):
        found = served_cluster("far", revision)
        assert found.ssh is not None
        assert (found.ssh.host, found.ssh.key and found.ssh.key.name) == (host, "id_spare")
        assert found.ssh.sealed_passphrase


def test_a_cluster_that_is_added_again_has_new_numbers() -> None:
    assert add(FIRST) == 1
    with session_scope() as session:
        catalog.delete_cluster(session, "far")
    with pytest.raises(NotFound):
        served_cluster("far", 1)
    assert add(FIRST) == 2
    with session_scope() as session:
        assert [each.name for each in catalog.list_served(session)] == ["far"]
