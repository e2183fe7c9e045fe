"""Owner roots: the home without accounts, folders of each owner with them, and shared roots."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from gateway.clusters.configuration import Cluster, configured_clusters
from gateway.clusters.owner_roots import owner_roots
from gateway.errors import FilesystemError, Invalid
from gateway.filesystems.opening import open_filesystem
from gateway.settings import get_settings


def _cluster(*roots: str, home: str = "/home/gw") -> Cluster:
    given: dict[str, Any] = {"name": "hpc", "scheduler": "slurm", "home": home, "roots": roots}
    return Cluster.model_validate(given)


def _paths(*texts: str) -> tuple[PurePosixPath, ...]:
    return tuple(PurePosixPath(text) for text in texts)


def test_without_accounts_the_home_is_everybodys() -> None:
    places = owner_roots(_cluster(), "local")
    assert (places.home, places.roots, places.own) == (PurePosixPath("/home/gw"), _paths("/home/gw"), ())
    assert places.confine("serrano/data/x", "dst") == PurePosixPath("/home/gw/serrano/data/x")


def test_with_accounts_each_owner_has_a_folder() -> None:
    places = owner_roots(_cluster(), "Ada")
    assert places.roots == _paths("/home/gw/owners/_41da")
    assert places.own == _paths("/home/gw/owners", "/home/gw/owners/_41da")
    for text in ("serrano/data/x", "${HOME}/serrano/data/x", "/home/gw/owners/_41da/serrano/data/x"):
        assert places.confine(text, "dst") == PurePosixPath("/home/gw/owners/_41da/serrano/data/x")


@pytest.mark.parametrize(
    "text", ["../eve/x", "/home/gw/x", "/home/gw/owners/eve/x", "/home/gw/owners", "${HOME}/../x"]
)
def test_nobody_leaves_that_folder(text: str) -> None:
    with pytest.raises(Invalid, match="leaves the folders"):
        owner_roots(_cluster(), "ada").confine(text, "dst")


@pytest.mark.parametrize(
    "owner", ["..", "../eve", "/", "eve/..", "a\0b", ".", "{owner}", "eve\u2215x", "..\u2024"]
)
def test_a_name_cannot_lead_anywhere_else(owner: str) -> None:
    (root,) = owner_roots(_cluster(), owner).roots
    assert root.parent == PurePosixPath("/home/gw/owners")
    assert root.name not in {"", ".", "..", "eve"}


def test_configured_roots_name_the_owners_folder_and_what_is_shared() -> None:
    cluster = _cluster("/data/public", "/scratch/{owner}/gateway", "/work/{owner}")
    places = owner_roots(cluster, "ada")
    assert places.roots == _paths("/data/public", "/scratch/ada/gateway", "/work/ada")
    assert places.home == PurePosixPath("/scratch/ada/gateway")
    assert places.own == _paths("/scratch/ada", "/scratch/ada/gateway", "/work/ada")
    assert cluster.base_folders == _paths("/data/public", "/scratch", "/work")


def test_roots_without_owners_are_shared_by_all() -> None:
    cluster = _cluster("/home/gw", "/scratch/gw")
    assert owner_roots(cluster, "ada") == owner_roots(cluster, "eve")
    assert owner_roots(cluster, "ada").home == PurePosixPath("/home/gw")


@pytest.mark.parametrize(
    "root", ["/x/{owner}s", "/x/{user}", "/{owner}/{owner}", "/x/{", "{owner}/x", "/x/../{owner}"]
)
def test_a_template_that_is_none_is_refused(root: str) -> None:
    with pytest.raises(ValueError, match="owner|absolute"):
        _cluster(root)


def test_the_home_is_the_accounts_and_nobody_elses() -> None:
    with pytest.raises(ValueError, match="is allowed in roots alone"):
        _cluster(home="/home/{owner}")


def test_an_owners_folder_appears_when_something_is_written(tmp_path: Path) -> None:
    cluster = _cluster(home=str(tmp_path))
    ada = open_filesystem(cluster, "ada")
    path = tmp_path / "owners" / "ada" / "a" / "x"
    assert not ada.exists(PurePosixPath(path))
    ada.write_text(PurePosixPath(path), "1")
    assert path.read_text(encoding="utf-8") == "1"
    assert [
        folder.stat().st_mode & 0o777 for folder in (tmp_path / "owners", tmp_path / "owners" / "ada")
    ] == [
        0o700,
        0o700,
    ]


def test_a_link_into_anothers_folder_is_not_followed(tmp_path: Path) -> None:
    cluster = _cluster(home=str(tmp_path))
    for owner in ("ada", "eve"):
        open_filesystem(cluster, owner).write_text(PurePosixPath(tmp_path / "owners" / owner / "x"), owner)
    link = tmp_path / "owners" / "eve" / "link"
    link.symlink_to(tmp_path / "owners" / "ada" / "x")
    folder = tmp_path / "owners" / "eve" / "folder"
    folder.symlink_to(tmp_path / "owners" / "ada")
    for path in (link, folder / "x"):
        with pytest.raises(FilesystemError, match="symbolic link"):
            open_filesystem(cluster, "eve").read_text(PurePosixPath(path), 10)
    with pytest.raises(FilesystemError, match="symbolic link"):
        open_filesystem(cluster, "eve").write_text(PurePosixPath(folder / "y"), "1")


def test_a_root_that_is_not_there_is_not_created(tmp_path: Path) -> None:
    """An unmounted filesystem must not be written into the mount point."""
    site = open_filesystem(_cluster(f"{tmp_path}/mount/{{owner}}"), "ada")
    with pytest.raises(FilesystemError):
        site.make_folder(PurePosixPath(tmp_path / "mount" / "ada" / "x"))
    assert not (tmp_path / "mount").exists()


@pytest.mark.parametrize(
    "text",
    [
        ".ssh/authorized_keys",
        "${HOME}/.bashrc",
        "./.hpc-gateway",
        "serrano/../.profile",
        "/home/gw//.config/x",
        "kernels/bin/python",
        "kernels/lib/python3.12/site-packages/x.pth",
        "kernels",
        "opt/bin/srun",
        "etc/slurm.conf",
        "control/jobs/x",
        "control",
    ],
)
def test_files_that_are_executed_or_trusted_are_refused_by_text(text: str) -> None:
    cluster = Cluster.model_validate(
        {
            "name": "hpc",
            "scheduler": "slurm",
            "home": "/home/gw",
            "control": "/home/gw/control",
            "python": "/home/gw/kernels/bin/python",
            "path": "/home/gw/opt/bin:/usr/bin",
            "slurm_conf": "/home/gw/etc/slurm.conf",
        }
    )
    with pytest.raises(Invalid, match="^dst: .* leads to files of the gateway"):
        owner_roots(cluster, "local").confine(text, "dst")


@pytest.mark.parametrize(
    "text", ["serrano/.x", "controls/x", "a/.hpc-gateway/x", "kernels2/x", "bin/x", "x./y"]
)
def test_other_names_are_not(text: str) -> None:
    cluster = _cluster().model_copy(update={"python": "/home/gw/kernels/bin/python"})
    assert owner_roots(cluster, "local").confine(text, "dst") == PurePosixPath("/home/gw") / text
    assert owner_roots(cluster, "ada").confine(text, "dst") == PurePosixPath("/home/gw/owners/ada") / text


def test_an_interpreter_in_the_home_itself_leaves_the_home_open() -> None:
    cluster = _cluster().model_copy(update={"python": "/home/gw/bin/python"})
    places = owner_roots(cluster, "local")
    assert places.confine("serrano/data/x", "dst") == PurePosixPath("/home/gw/serrano/data/x")
    for text in ("bin/python", "bin/new", "lib/python3.12/site.py", "pyvenv.cfg"):
        with pytest.raises(Invalid, match="files of the gateway"):
            places.confine(text, "dst")


@pytest.fixture
def neighbours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A cluster whose shared root holds the homes, roots and control folders of two others."""
    file = tmp_path / "infrastructures.toml"
    shared = tmp_path / "shared"
    file.write_text(
        f'[hpc]\nscheduler = "slurm"\nhome = "{tmp_path}/hpc"\nroots = ["{shared}"]\n'
        f'[next]\nscheduler = "slurm"\nhome = "{shared}/next"\ncontrol = "{shared}/control"\n'
        f'[third]\nscheduler = "slurm"\nhome = "{shared}/third"\nroots = ["{shared}/work/{{owner}}/x"]\n',
        encoding="utf-8",
    )
    for owner in ("ada", "eve"):
        for folder in (f"next/owners/{owner}", f"work/{owner}/x"):
            (shared / folder).mkdir(parents=True)
            (shared / folder / "file").write_text(owner)
    monkeypatch.setenv("GATEWAY_INFRASTRUCTURES", str(file))
    get_settings.cache_clear()
    yield configured_clusters()["hpc"]
    monkeypatch.undo()
    get_settings.cache_clear()


@pytest.mark.parametrize(
    "name",
    [
        "control/spool/jobs/1.x.json",
        "control",
        "next/.ssh/authorized_keys",
        "third/.hpc-gateway/jobs/x/job.sh",
        "next/owners/ada/file",
        "next/owners/new/file",
        "work/ada/x/file",
        "work/new/x",
    ],
)
def test_a_shared_root_opens_nothing_of_another_cluster(
    neighbours: Cluster, tmp_path: Path, name: str
) -> None:
    path = PurePosixPath(tmp_path / "shared" / name)
    with pytest.raises(Invalid, match="files of the gateway .* another owner's"):
        owner_roots(neighbours, "eve").confine(str(path), "dst")
    site = open_filesystem(neighbours, "eve")
    for way in (path, PurePosixPath(tmp_path / "shared/link" / path.name)):
        for attempt in (site.make_folder, site.exists, lambda each: site.write_text(each, "bad")):
            with pytest.raises(FilesystemError, match="files of the gateway"):
                attempt(way)
        Path(path.parent).mkdir(parents=True, exist_ok=True)
        (tmp_path / "shared/link").unlink(missing_ok=True)
        (tmp_path / "shared/link").symlink_to(path.parent)
    assert (tmp_path / "shared/work/ada/x/file").read_text() == "ada"


def test_an_owner_reaches_the_own_folders_of_every_cluster(neighbours: Cluster, tmp_path: Path) -> None:
    shared = PurePosixPath(tmp_path / "shared")
    site = open_filesystem(neighbours, "eve")
    for name in ("next/owners/eve/file", "work/eve/x/file"):
        assert owner_roots(neighbours, "eve").confine(str(shared / name), "dst") == shared / name
        assert site.read_text(shared / name, 10) == "eve"
    assert dict(site.files(shared)) == {}


def test_the_owner_local_reaches_the_folders_of_all_owners(neighbours: Cluster, tmp_path: Path) -> None:
    shared = PurePosixPath(tmp_path / "shared")
    assert open_filesystem(neighbours, "local").read_text(shared / "work/ada/x/file", 10) == "ada"
    with pytest.raises(Invalid, match="files of the gateway"):
        owner_roots(neighbours, "local").confine(str(shared / "control/x"), "dst")
