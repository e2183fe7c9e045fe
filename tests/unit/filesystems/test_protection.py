"""Protected folders: no path, link, second name or listing reaches them, whether they exist or not."""

import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from gateway.clusters.configuration import Cluster
from gateway.errors import FilesystemError
from gateway.filesystems.opening import open_filesystem
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
    return _site(home, home / "control")


def _site(root: Path, *protected: Path) -> SharedFilesystem:
    paths, roots = [PurePosixPath(path) for path in protected], [PurePosixPath(root)]
    return SharedFilesystem(roots, protection=Protection(closed=paths, roots=roots))


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
    with pytest.raises(FilesystemError, match="files of the gateway"):
        DOORS[door](site, PurePosixPath(home / path))
    assert sorted(home.rglob("*")) == before
    assert (home / "control/jobs/job.sh").read_text() == "good"


def test_a_link_to_a_protected_file_is_not_read(site: SharedFilesystem, home: Path) -> None:
    with pytest.raises(FilesystemError, match="files of the gateway"):
        site.read_text(PurePosixPath(home / "data/to_script"), 10)
    site.write_text(PurePosixPath(home / "data/to_script"), "mine")  # replaces the link
    assert (home / "control/jobs/job.sh").read_text() == "good"


@pytest.mark.parametrize("path", ["control", "control/x/y", "data/to_home/control/x"])
def test_a_protected_folder_is_not_made_for_a_client(tmp_path: Path, path: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/to_home").symlink_to("..")
    site = _site(tmp_path, tmp_path / "control")
    for attempt in (site.make_folder, lambda each: site.write_text(each, "bad")):
        with pytest.raises(FilesystemError, match="files of the gateway"):
            attempt(PurePosixPath(tmp_path / path))
    assert [each.name for each in tmp_path.iterdir()] == ["data"]


def test_a_listing_passes_over_them(site: SharedFilesystem, home: Path) -> None:
    for link in (home / "data").glob("to_*"):
        link.unlink()
    (home / "controls").write_text("another name")
    assert dict(site.files(PurePosixPath(home))) == {"controls": 12, "data/x": 1}


def test_a_root_that_leads_into_a_protected_folder_is_none(home: Path) -> None:
    (home / "root").symlink_to(home / "control/jobs")
    site = _site(home / "root", home / "control")
    for door in ("write", "read", "make"):
        with pytest.raises(FilesystemError, match="files of the gateway"):
            DOORS[door](site, PurePosixPath(home / "root/job.sh"))


def test_a_protected_path_that_is_a_link_covers_its_target(home: Path) -> None:
    (home / "alias").symlink_to(home / "control")
    site = _site(home, home / "alias")
    with pytest.raises(FilesystemError, match="files of the gateway"):
        site.read_text(PurePosixPath(home / "control/jobs/job.sh"), 10)


def test_a_second_name_of_a_protected_file_or_folder_is_protected(home: Path) -> None:
    os.link(home / "control/jobs/job.sh", home / "data/same")
    site = _site(home / "data", home / "control/jobs/job.sh", home / "control")
    for door in ("read", "write"):
        with pytest.raises(FilesystemError, match="files of the gateway"):
            DOORS[door](site, PurePosixPath(home / "data/same"))
    for link in (home / "data").glob("to_*"):
        link.unlink()
    assert dict(site.files(PurePosixPath(home / "data"))) == {"x": 1}


def test_a_folder_is_known_by_its_inode(home: Path) -> None:
    """As a bind mount of a protected folder would be, which only root can make."""
    protection = Protection((), [PurePosixPath(home / "control")], roots=[PurePosixPath(home)])
    assert protection.covers_file((home / "control").stat())
    assert not protection.covers_file((home / "data").stat())
    (home / "control").rename(home / "renamed")  # the same inode under a name that the text does not know
    assert not protection.covers_path(str(home / "renamed/jobs"))
    assert protection.covers_folder_between(str(home), str(home / "renamed/jobs"))
    site = SharedFilesystem([PurePosixPath(home)], protection=protection)
    (home / "data/deep").symlink_to(home / "renamed/jobs")
    for path in ("renamed/jobs/job.sh", "renamed", "data/deep/job.sh"):
        for door in ("read", "write"):
            with pytest.raises(FilesystemError, match="files of the gateway"):
                DOORS[door](site, PurePosixPath(home / path))


def test_a_link_on_the_way_to_a_protected_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "v1/control").mkdir(parents=True)
    (tmp_path / "current").symlink_to("newest")
    (tmp_path / "newest").symlink_to(tmp_path / "v1")
    site = _site(tmp_path, tmp_path / "current/control")
    for name in ("current", "newest"):
        with pytest.raises(FilesystemError, match="files of the gateway"):
            site.write_text(PurePosixPath(tmp_path / name), "bad")
        assert (tmp_path / name).is_symlink()
    site.write_text(PurePosixPath(tmp_path / "current/x"), "good")


def test_a_path_that_is_too_long_for_the_kernel_is_refused_in_words(tmp_path: Path) -> None:
    site = SharedFilesystem([PurePosixPath(tmp_path)])
    with pytest.raises(FilesystemError, match="a name in"):
        site.make_folder(PurePosixPath(tmp_path, *["x" * 200] * 25))


def test_dot_files_of_the_accounts_own_home_are_protected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The home of a cluster may be another folder than that of the account."""
    monkeypatch.setenv("HOME", str(tmp_path / "gateway"))
    (tmp_path / "gateway").mkdir()
    site = open_filesystem(_cluster(tmp_path / "cluster", roots=[str(tmp_path)]), "local")
    with pytest.raises(FilesystemError, match="files of the gateway"):
        site.write_text(PurePosixPath(tmp_path / "gateway/.ssh/authorized_keys"), "bad")
    site.write_text(PurePosixPath(tmp_path / "gateway/data/x"), "good")


@pytest.mark.parametrize("name", [".ssh", ".bashrc", ".hpc-gateway", "...", ".. ", ".\u00a0", ".x/y"])
def test_dot_files_of_the_home_are_protected_by_every_name_of_the_home(tmp_path: Path, name: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    protection = Protection([PurePosixPath(home)], roots=[PurePosixPath(tmp_path)])
    site = SharedFilesystem([PurePosixPath(tmp_path)], protection=protection)
    home.rename(tmp_path / "second")  # as another mount point of the home
    (tmp_path / "home").symlink_to("second")
    for path in (f"home/{name}", f"second/{name}"):
        for attempt in (site.make_folder, lambda each: site.write_text(each, "bad"), site.exists):
            with pytest.raises(FilesystemError, match="files of the gateway"):
                attempt(PurePosixPath(tmp_path / path))
    assert list((tmp_path / "second").iterdir()) == []
    site.write_text(PurePosixPath(tmp_path / "second/data/.hidden"), "good")


def test_a_root_below_a_protected_folder_is_open(tmp_path: Path) -> None:
    home = PurePosixPath(tmp_path)
    (tmp_path / ".data/ada").mkdir(parents=True)
    (tmp_path / ".data/ada/link").symlink_to("folder")
    (tmp_path / ".data/ada/folder").mkdir()
    roots = [home / ".data/ada"]
    protection = Protection([home], [home], [home / ".data/ada/control"], roots)
    site = SharedFilesystem(roots, protection=protection)
    site.write_text(roots[0] / "x", "good")
    site.write_text(roots[0] / "link/x", "good")
    with pytest.raises(FilesystemError, match="files of the gateway"):
        site.write_text(roots[0] / "control/x", "bad")


def _cluster(home: Path, **more: object) -> Cluster:
    return Cluster.model_validate({"name": "hpc", "scheduler": "local", "home": str(home), **more})
