"""Entries over REST: which are served, and the sentence about the part that others lack."""

from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from gateway.clusters import ssh_keys
from gateway.clusters.remote_entries import Definition, check_definition, cluster_of_definition, missing_part
from gateway.clusters.ssh_keys import find_key
from gateway.errors import Invalid
from gateway.settings import Settings

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ6fJSLzA8FDvQyY5u2M4mF1cA0m7U1mEw0d1gkZpEo0"
KEYS = """
[lab]
file = "id_lab"
hosts = ["login.example.org:22", "10.0.0.0/8:2222", "[::1]:22"]
usernames = ["gateway"]
home = "/home/{username}"
python = ["/opt/kernels/[0-9.]+/bin/python3", "/opt/shared/.*/python3"]
roots = ["/scratch/[a-z]+"]
"""
GOOD = Definition("login.example.org", "login", "gateway", "slurm", key="lab", host_key=HOST_KEY)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "keys.toml").write_text(KEYS)
    (tmp_path / "id_lab").write_text("a key")
    return tmp_path


@pytest.fixture(autouse=True)
def settings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    settings = Settings(
        auth="keys", ssh_keys=folder, ssh_hosts=["login.example.org:22", "10.0.0.0/8:2222", "[::1]:22"]
    )
    for module in ("remote_entries", "ssh_keys"):
        monkeypatch.setattr(f"gateway.clusters.{module}.get_settings", lambda: settings)
    return settings


def entry(**change: Any) -> Definition:
    return Definition(**({"hostname": "login", "scheduler": "slurm"} | vars(GOOD) | change))


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"host": "LOGIN.example.org."},
        {"host": "10.1.2.3", "port": 2222},
        {"host": "other.example.org", "port": 2222},
        {"host": "::1"},
        {"python": "/opt/kernels/1.0/bin/python3", "roots": ("/scratch/lab",)},
    ],
    ids=["good", "spelling", "network", "judged-later", "ipv6", "patterns"],
)
def test_served(change: dict[str, Any], folder: Path) -> None:
    assert missing_part(entry(**change)) == ""
    cluster = cluster_of_definition("far", entry(**change), 3)
    assert cluster.ssh is not None
    assert (cluster.commands, cluster.files, cluster.revision) == ("ssh", "sftp", 3)
    assert (cluster.ssh.key, cluster.ssh.judged) == (PurePosixPath(folder / "id_lab"), True)
    assert cluster.home == PurePosixPath("/home/gateway")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"key": ""}, "ssh_key.path names no key"),
        ({"key": "other"}, "ssh_key.path names no key"),
        ({"key": "/etc/passwd"}, "ssh_key.path names no key"),
        ({"key": "id_lab"}, "ssh_key.path names no key"),
        ({"username": "root"}, "ssh_key.path names no key"),
        ({"port": 23}, "ssh_key.path names no key"),
        ({"host": "11.0.0.1", "port": 2222}, "ssh_key.path names no key"),
        ({"host_key": ""}, "the host key of login.example.org is not known"),
        ({"python": "/home/me/python"}, "python: '/home/me/python' fits no pattern"),
        (
            {"python": "/opt/shared/../../home/me/python3"},
            "python: '/opt/shared/../../home/me/python3' fits no",
        ),
        ({"roots": ("/scratch/../etc",)}, "roots: '/scratch/../etc' fits no pattern"),
        ({"host_key": "nonsense"}, "host_key: 'nonsense' is no host key"),
        ({"host": "-oProxyCommand=x", "port": 2222}, "host: String should match pattern"),
    ],
    ids=lambda each: "-".join(each) if isinstance(each, dict) else None,
)
def test_lacking(change: dict[str, Any], says: str) -> None:
    assert says in missing_part(entry(**change))
    assert cluster_of_definition("far", entry(**change), 1).ssh is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"auth": "none"}, "need no account"),
        ({"open_to_all": True}, "need no account"),
        ({"ssh_keys": None}, "ssh_key.path names no key"),
        ({"ssh_hosts": []}, "is not in GATEWAY_SSH_HOSTS"),
        ({"ssh_hosts": ["login.example.org:2222"]}, "is not in GATEWAY_SSH_HOSTS"),
        ({"auth": "none", "remote_without_accounts": True}, ""),
    ],
    ids=["no-accounts", "open", "no-keys", "no-hosts", "other-port", "said-so"],
)
def test_settings_decide(settings: Settings, change: dict[str, Any], says: str) -> None:
    for name, value in change.items():
        setattr(settings, name, value)
    found = missing_part(GOOD)
    assert says in found
    assert bool(says) == bool(found)


def test_the_place_of_the_commands_is_that_of_the_key(folder: Path) -> None:
    usual = cluster_of_definition("far", GOOD, 1).path
    (folder / "keys.toml").write_text(f'{KEYS}path = "/opt/pbs/bin:/opt/slurm/bin"\n')
    assert cluster_of_definition("far", GOOD, 1).path == "/opt/pbs/bin:/opt/slurm/bin" != usual


def test_a_path_in_the_operators_folder_is_its_key(folder: Path) -> None:
    assert missing_part(entry(key=str(folder / "id_lab"))) == ""
    assert find_key(f"{folder}/../{folder.name}/id_lab") is None
    (folder / "id_other").write_text("a key that keys.toml does not name")
    refusals = {missing_part(entry(key=f"{folder}/{name}")) for name in ("id_other", "gone", "../passwd")}
    assert len(refusals) == 1  # nothing tells which files there are


def test_known_hosts_of_the_operator_count(folder: Path) -> None:
    (folder / "known_hosts").write_text(f"login.example.org {HOST_KEY}\n")
    assert missing_part(entry(host_key="")) == ""


@pytest.mark.parametrize(
    "text",
    [
        b"[lab",
        b"[lab]\nfile = '../id'\nhosts = []\nusernames = []",
        b"[lab]\nfile = 'id'\nhosts = []\nusernames = []\nroots = ['(']",
        b"[l\xe4b]",
    ],
    ids=["no-toml", "path", "pattern", "bytes"],
)
def test_a_wrong_file_of_keys_is_told(folder: Path, text: bytes) -> None:
    (folder / "keys.toml").write_bytes(text)
    assert "keys.toml" in missing_part(GOOD)
    assert cluster_of_definition("far", GOOD, 1).ssh is None
    with pytest.raises(Invalid, match="keys.toml"):
        check_definition(GOOD)


def test_a_file_of_keys_that_cannot_be_read_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path, **_options: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    ssh_keys._load.cache_clear()  # noqa: SLF001
    assert "keys.toml cannot be read: Permission denied" in missing_part(GOOD)


@pytest.mark.parametrize("username", ["..", "../x", "{owner}", "a/b", "a b", "-x", "x" * 300])
def test_a_name_that_no_account_has_is_shown_and_not_served(username: str) -> None:
    found = cluster_of_definition("far", entry(username=username), 1)
    assert (found.ssh, found.username, found.home) == (None, username, PurePosixPath("/home/gateway"))
    assert "ssh_key.path names no key" in missing_part(entry(username=username))
