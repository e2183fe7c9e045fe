"""Protected folders: no path, link, second name or listing reaches them, whether they exist or not."""

import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from gateway.clusters.configuration import Cluster
from gateway.errors import FilesystemError
from gateway.filesystems.opening import open_control, open_filesystem
from gateway.filesystems.protection import Protection
from gateway.filesystems.shared import SharedFilesystem

Door = Callable[[SharedFilesystem, PurePosixPath], object]
DOORS: dict[str, Door] = {
    "write": lambda site, path: site.write_text(path, "bad"),
    "read": lambda site, path: site.read_text(path, 10),
    "list": lambda site, path: list(site.files(path)),
    "make": lambda site, path: site.make_folder(path),
    "exists": lambda site, path: site.exists(path),
    "discard": lambda site, path: site.discard(path, "0123456789ab"),
    "remove": lambda site, path: site.remove_folder(path),
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    (folder / "control/jobs").mkdir(parents=True)
    (folder / "control/jobs/job.sh").write_text("good")
    (folder / "data").mkdir()
    (folder / "data/to_control").symlink_to(folder / "control")
    (folder / "data/to_home").symlink_to("..")
    (folder / "data/to_script").symlink_to("../control/jobs/job.sh")
    (folder / "data/x").write_text("x")
    return folder


@pytest.fixture
def site(home: Path) -> SharedFilesystem:
    return SharedFilesystem([PurePosixPath(home)], protected=[PurePosixPath(home / "control")])


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    "path",
    [
        "control",
        "control/new",
        "control/jobs/job.sh",
        "control/new/deeper/x",
        "data/to_control/jobs",
        "data/to_control/jobs/job.sh",
        "data/to_home/control",
        "data/to_home/control/new/x",
        "data/to_home/data/to_home/control/jobs/job.sh",
    ],
)
def test_no_door_leads_into_a_protected_folder(
    site: SharedFilesystem, home: Path, door: str, path: str
) -> None:
    before = sorted(home.rglob("*"))
    with pytest.raises(FilesystemError, match="files of the gateway itself"):
        DOORS[door](site, PurePosixPath(home / path))
    assert sorted(home.rglob("*")) == before
    assert (home / "control/jobs/job.sh").read_text() == "good"


def test_a_link_to_a_protected_file_is_not_read(site: SharedFilesystem, home: Path) -> None:
    with pytest.raises(FilesystemError, match="files of the gateway itself"):
        site.read_text(PurePosixPath(home / "data/to_script"), 10)
    site.write_text(PurePosixPath(home / "data/to_script"), "mine")  # replaces the link
    assert (home / "control/jobs/job.sh").read_text() == "good"


@pytest.mark.parametrize("path", ["control", "control/x/y", "data/to_home/control/x"])
def test_a_protected_folder_is_not_made_for_a_client(tmp_path: Path, path: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/to_home").symlink_to("..")
    site = SharedFilesystem([PurePosixPath(tmp_path)], protected=[PurePosixPath(tmp_path / "control")])
    for attempt in (site.make_folder, lambda each: site.write_text(each, "bad")):
        with pytest.raises(FilesystemError, match="files of the gateway itself"):
            attempt(PurePosixPath(tmp_path / path))
    assert [each.name for each in tmp_path.iterdir()] == ["data"]


def test_a_listing_passes_over_them(site: SharedFilesystem, home: Path) -> None:
    for link in (home / "data").glob("to_*"):
        link.unlink()
    (home / "controls").write_text("another name")
    assert dict(site.files(PurePosixPath(home))) == {"controls": 12, "data/x": 1}


def test_a_root_that_leads_into_a_protected_folder_is_none(home: Path) -> None:
    (home / "root").symlink_to(home / "control/jobs")
    site = SharedFilesystem([PurePosixPath(home / "root")], protected=[PurePosixPath(home / "control")])
    for door in ("write", "read", "make"):
        with pytest.raises(FilesystemError, match="files of the gateway itself"):
            DOORS[door](site, PurePosixPath(home / "root/job.sh"))


def test_a_protected_path_that_is_a_link_covers_its_target(home: Path) -> None:
    (home / "alias").symlink_to(home / "control")
    site = SharedFilesystem([PurePosixPath(home)], protected=[PurePosixPath(home / "alias")])
    with pytest.raises(FilesystemError, match="files of the gateway itself"):
        site.read_text(PurePosixPath(home / "control/jobs/job.sh"), 10)


def test_a_second_name_of_a_protected_file_or_folder_is_protected(home: Path) -> None:
    os.link(home / "control/jobs/job.sh", home / "data/same")
    protected = [PurePosixPath(home / "control/jobs/job.sh"), PurePosixPath(home / "control")]
    site = SharedFilesystem([PurePosixPath(home / "data")], protected=protected)
    for door in ("read", "write"):
        with pytest.raises(FilesystemError, match="files of the gateway itself"):
            DOORS[door](site, PurePosixPath(home / "data/same"))
    for link in (home / "data").glob("to_*"):
        link.unlink()
    assert dict(site.files(PurePosixPath(home / "data"))) == {"x": 1}
    assert Protection(protected).covers("/mnt/bound", (home / "control").stat())
    assert not Protection(protected).covers("/mnt/bound", (home / "data").stat())


def _cluster(home: Path, **more: str) -> Cluster:
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
    with pytest.raises(FilesystemError, match="files of the gateway itself"):
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
