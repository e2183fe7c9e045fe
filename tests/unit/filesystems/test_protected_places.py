"""The places that are protected: control, snapshots, the system, and all that a process loads."""

import _ssl
import ctypes
import os
import shutil
import tempfile
from pathlib import Path, PurePosixPath
from typing import get_args

import pytest

from gateway.clusters.configuration import Cluster
from gateway.clusters.owner_roots import owner_roots
from gateway.errors import FilesystemError, Invalid
from gateway.filesystems import installation
from gateway.filesystems.installation import installation_paths
from gateway.filesystems.opening import open_control, open_filesystem
from gateway.filesystems.protection import Protection
from gateway.filesystems.shared import SharedFilesystem
from gateway.settings import Settings, get_settings


def _cluster(home: Path, **more: object) -> Cluster:
    return Cluster.model_validate({"name": "hpc", "scheduler": "local", "home": str(home), **more})


def test_the_control_folder_is_for_the_account_alone(tmp_path: Path) -> None:
    cluster = _cluster(tmp_path)
    (tmp_path / ".hpc-gateway").mkdir(mode=0o755)
    control = open_control(cluster)
    control.write_text(cluster.control / "jobs/1/job.sh", "good")
    assert (tmp_path / ".hpc-gateway").stat().st_mode & 0o777 == 0o700
    assert control.read_text(cluster.control / "jobs/1/job.sh", 10) == "good"
    with pytest.raises(FilesystemError, match="leaves the folders"):
        control.write_text(PurePosixPath(tmp_path / "x"), "bad")
    with pytest.raises(FilesystemError, match="files of the gateway"):
        open_filesystem(cluster, "local").read_text(cluster.control / "jobs/1/job.sh", 10)


def test_a_control_folder_without_a_parent_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FilesystemError, match="does not exist"):
        open_control(_cluster(tmp_path, control=f"{tmp_path}/mount/control"))
    assert list(tmp_path.iterdir()) == []


def test_a_control_folder_of_another_account_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".hpc-gateway").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    with pytest.raises(FilesystemError, match="belongs to the account with the number"):
        open_control(_cluster(tmp_path))


@pytest.mark.parametrize("name", [".snapshot", ".snapshots", ".snap", ".zfs"])
def test_snapshots_are_protected_wherever_they_are(tmp_path: Path, name: str) -> None:
    copy = tmp_path / "data" / name / "daily/.hpc-gateway/key"
    copy.parent.mkdir(parents=True)
    copy.write_text("secret")
    (tmp_path / "data/link").symlink_to(copy)
    roots = [PurePosixPath(tmp_path)]
    site = SharedFilesystem(roots, protection=Protection(closed=[], roots=roots))
    for path in map(PurePosixPath, (copy, tmp_path / "data/link")):
        with pytest.raises(FilesystemError, match="files of the gateway"):
            site.read_text(path, 10)
        with pytest.raises(FilesystemError, match="files of the gateway"):
            site.exists(path)
    with pytest.raises(Invalid, match="files of the gateway"):
        owner_roots(_cluster(tmp_path), "local").confine(str(copy), "src")
    (tmp_path / "data/link").unlink()
    site.write_text(PurePosixPath(tmp_path / "data" / f"{name}.csv"), "good")
    assert dict(site.files(PurePosixPath(tmp_path))) == {f"data/{name}.csv": 4}


def test_the_libraries_of_the_process_are_protected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lib").mkdir()
    library = shutil.copy(_ssl.__file__, tmp_path / "lib/libslurm.so")
    ctypes.CDLL(str(library))
    monkeypatch.setenv("LD_LIBRARY_PATH", f"{tmp_path}/first:{tmp_path}/second")
    site = open_filesystem(_cluster(tmp_path), "local")
    for name in ("lib/libslurm.so", "lib/x", "first/libcurl.so.4", "second"):
        with pytest.raises(FilesystemError, match="files of the gateway"):
            site.write_text(PurePosixPath(tmp_path / name), "bad")
    site.write_text(PurePosixPath(tmp_path / "other/x"), "good")


@pytest.mark.parametrize("url", ["sqlite:///{0}/gateway.db", "sqlite:///file:{0}/gateway.db?uri=true"])
def test_the_database_file_is_protected_in_each_form_of_its_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("GATEWAY_DATABASE_URL", url.format(tmp_path))
    get_settings.cache_clear()
    file = tmp_path / "gateway.db"
    assert {PurePosixPath(file), PurePosixPath(f"{file}-wal")} <= set(installation_paths())
    monkeypatch.undo()
    get_settings.cache_clear()


def test_all_files_that_the_settings_name_are_protected(
    tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    """Of each setting that is a path, so that a new one is protected too."""
    for name, field in Settings.model_fields.items():
        if Path in (field.annotation, *get_args(field.annotation)):
            environment.setenv(f"GATEWAY_{name.upper()}", str(tmp_path / name))
    files = f"sslkey={tmp_path}/client%20key&sslrootcert=system&passfile={tmp_path}/passwords"
    environment.setenv("GATEWAY_DATABASE_URL", f"postgresql+psycopg://h/d?{files}")
    environment.setenv("GATEWAY_REDIS_URL", f"rediss://h/0?ssl_keyfile={tmp_path}/redis_key")
    environment.setenv("GATEWAY_CREDENTIALS_KEY", "")
    wanted = ("ssh_keys/keys.toml", "credentials_key_file", "ca_bundle", "infrastructures")
    site = open_filesystem(_cluster(tmp_path), "local")
    for name in (*wanted, "client key", "passwords", "redis_key"):
        for door in (lambda path: site.write_text(path, "bad"), lambda path: site.read_text(path, 9)):
            with pytest.raises(FilesystemError, match="files of the gateway"):
                door(PurePosixPath(tmp_path / name))


def test_the_files_by_which_the_worker_logs_in_are_protected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("key", "passphrase_file", "certificate", "agent", "known_hosts")
    paths = {name: str(tmp_path / "keys" / name) for name in names}
    jump = {"host": "j", "username": "a", "key": str(tmp_path / "keys/jump")}
    access = {"host": "h", "username": "a", "jump": jump, **paths}
    far = _cluster(tmp_path / "far", scheduler="slurm", commands="ssh", ssh=access)
    monkeypatch.setattr(installation, "configured_clusters", lambda: {"far": far})
    site = open_filesystem(_cluster(tmp_path, name="near"), "local")
    for name in (*names, "key.pub", "key-cert.pub", "jump", "jump.pub"):
        for door in (lambda path: site.write_text(path, "bad"), lambda path: site.read_text(path, 9)):
            with pytest.raises(FilesystemError, match="files of the gateway"):
                door(PurePosixPath(tmp_path / "keys" / name))


def test_temporary_files_of_the_worker_are_protected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its clients of SSH read known hosts there, and execute the program that gives a passphrase."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    known_hosts = tmp_path / "scratch/hpc-gateway-ssh-x/target/known_hosts"
    known_hosts.parent.mkdir(parents=True)
    known_hosts.write_text("good")
    site = open_filesystem(_cluster(tmp_path), "local")
    for door in (lambda path: site.write_text(path, "bad"), lambda path: site.read_text(path, 9)):
        with pytest.raises(FilesystemError, match="files of the gateway"):
            door(PurePosixPath(known_hosts))
    assert list(site.files(PurePosixPath(tmp_path))) == []


def test_the_folders_of_the_system_are_protected_in_a_root_that_holds_them(tmp_path: Path) -> None:
    cluster = _cluster(tmp_path, roots=["/"])
    for path in ("/etc/passwd", "/usr/lib/new", "/proc/1/environ", "/tmp/new", "/var/spool/slurm/new"):  # noqa: S108
        with pytest.raises(FilesystemError, match="leads to files of the gateway"):
            open_filesystem(cluster, "eve").exists(PurePosixPath(path))
    with pytest.raises(Invalid):
        owner_roots(cluster, "eve").confine("/etc/passwd", "dst")


def test_a_root_inside_a_folder_of_the_system_is_open(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("1")
    cluster = _cluster(tmp_path, roots=[tmp_path])
    assert str(tmp_path).startswith("/tmp/")  # noqa: S108
    assert open_filesystem(cluster, "eve").read_text(PurePosixPath(tmp_path, "x"), 9) == "1"


def test_searched_and_loaded_folders_are_protected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"relative:{tmp_path}/programs::/usr/bin")
    monkeypatch.setenv("LD_LIBRARY_PATH", f"{tmp_path}/libraries")
    maps = Path("/proc/self/maps").read_text()
    lines = (line for line in maps.splitlines() if ".so" in line and " r-x" in line)
    libraries = {line.split(None, 5)[5].rpartition("/")[0] for line in lines}
    assert libraries
    wanted = {f"{tmp_path}/programs", f"{tmp_path}/libraries", *libraries}
    assert {PurePosixPath(each) for each in wanted} <= set(installation_paths())
    assert PurePosixPath("relative") not in installation_paths()


def test_the_folder_of_the_schedulers_configuration_is_protected(tmp_path: Path) -> None:
    conf = PurePosixPath(tmp_path, "slurm/slurm.conf")
    cluster = _cluster(tmp_path, roots=[tmp_path], scheduler="slurm", slurm_conf=conf)
    with pytest.raises(FilesystemError, match="leads to files of the gateway"):
        open_filesystem(cluster, "eve").write_text(conf.with_name("plugstack.conf"), "bad")
