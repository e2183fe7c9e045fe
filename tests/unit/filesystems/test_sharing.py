"""The control folder of a Slurm cluster: refused where nodes cannot share it, and nowhere else."""

from pathlib import Path

import pytest

from gateway.clusters.configuration import Cluster
from gateway.errors import Invalid
from gateway.filesystems import sharing
from gateway.filesystems.sharing import check_control

ONE_MACHINE = "NodeName=DEFAULT CPUs=4\nNodeName=n[1-4] NodeHostname=me NodeAddr=127.0.0.1 Port=[1-4]\n"
OTHERS = "# a comment\nNodeName=node[1-2] CPUs=2\n"
ADDRESSED = "nodename=n1 nodeaddr=10.1.1.1\n"


def cluster(folder: Path, **more: object) -> Cluster:
    words = {"scheduler": "slurm", "home": str(folder / "home"), "slurm_conf": str(folder / "slurm.conf")}
    return Cluster.model_validate({"name": "hpc", **words, "control": str(folder / "control"), **more})


def mount(folder: Path, monkeypatch: pytest.MonkeyPatch, kinds: dict[str, str], conf: str = "") -> None:
    """Let the machine have these mount points below a folder, and a configuration of Slurm."""
    lines = [f"1 1 8:1 / {folder / name} rw,relatime shared:1 - {kind} x rw" for name, kind in kinds.items()]
    (folder / "mountinfo").write_text("\n".join(["1 1 8:1 / / rw - ext4 /dev/a rw", *lines]))
    monkeypatch.setattr(sharing, "MOUNTS", folder / "mountinfo")
    monkeypatch.setattr("socket.gethostname", lambda: "me.example.org")
    if conf:
        (folder / "slurm.conf").write_text(conf)


@pytest.mark.parametrize("control", ["ext4", "xfs", "tmpfs", "overlay"])
@pytest.mark.parametrize("home", ["nfs4", "lustre"])
def test_a_local_control_beside_a_network_home_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, control: str, home: str
) -> None:
    mount(tmp_path, monkeypatch, {"control": control, "home": home}, ONE_MACHINE)
    with pytest.raises(
        Invalid, match=f"lies on '{control}' of this machine, .* on '{home}': choose a folder"
    ):
        check_control(cluster(tmp_path))


def test_a_root_on_a_network_filesystem_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mount(tmp_path, monkeypatch, {"scratch": "beegfs"})
    with pytest.raises(Invalid, match="scratch"):
        check_control(cluster(tmp_path, roots=[f"{tmp_path}/scratch/{{owner}}"]))


@pytest.mark.parametrize("kind", ["tmpfs", "ramfs", "devtmpfs", "overlay"])
@pytest.mark.parametrize("conf", [OTHERS, ADDRESSED])
def test_memory_is_refused_where_slurm_has_other_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, conf: str
) -> None:
    mount(tmp_path, monkeypatch, {"control": kind}, conf)
    with pytest.raises(Invalid, match="names other machines"):
        check_control(cluster(tmp_path))


@pytest.mark.parametrize(
    ("kinds", "conf"),
    [
        ({}, OTHERS),  # a disk that may be a volume of all
        ({"control": "tmpfs"}, ONE_MACHINE),
        ({"control": "tmpfs"}, ""),  # Slurm's configuration is elsewhere
        ({"control": "fuse.something", "home": "nfs"}, OTHERS),
        ({"control": "newfs", "home": "lustre"}, OTHERS),
        ({"": "nfs", "control": "gpfs"}, OTHERS),
        ({"control": "ext4", "control/deeper": "nfs4", "home": "nfs4"}, OTHERS),
    ],
)
def test_a_control_that_may_be_shared_is_not_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kinds: dict[str, str], conf: str
) -> None:
    mount(tmp_path, monkeypatch, kinds, conf)
    deeper = {"control": str(tmp_path / "control/deeper/here")} if "control/deeper" in kinds else {}
    said = check_control(cluster(tmp_path, **deeper))
    assert ("assumed" in said) == (not {"gpfs", "nfs4"} & set(kinds.values())), said


def test_a_link_is_followed_and_a_later_mount_hides_an_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mount(tmp_path, monkeypatch, {"home": "autofs", "local": "ext4"})
    with (tmp_path / "mountinfo").open("a") as file:
        file.write(f"\n1 1 8:1 / {tmp_path / 'home'} rw - nfs4 x rw\n1 1 8:1 / /a\\040b rw - nfs x rw\n")
    (tmp_path / "control").symlink_to(tmp_path / "home")
    (tmp_path / "home").mkdir()
    assert "'nfs4'" in check_control(cluster(tmp_path, control=str(tmp_path / "control/below")))
    assert "'nfs'" in check_control(cluster(tmp_path, control="/a b/control"))


def test_a_machine_that_tells_no_mounts_refuses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "MOUNTS", tmp_path / "missing")
    assert "unknown" in check_control(cluster(tmp_path))
