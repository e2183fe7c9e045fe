"""The configuration file of the clusters."""

import re
from pathlib import Path, PurePosixPath

import pytest

from gateway.clusters.configuration import check_name, load_clusters
from gateway.errors import Invalid

GOOD = '[hpc]\nscheduler = "local"\nhome = "/home/user"\n'


def _file(folder: Path, text: str) -> Path:
    path = folder / "infrastructures.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_cluster_is_read_with_its_defaults(tmp_path: Path) -> None:
    cluster = load_clusters(_file(tmp_path, GOOD))["hpc"]
    assert cluster.name == "hpc"
    assert cluster.base_folders == (PurePosixPath("/home/user"),)
    assert cluster.max_cpus >= 1


def test_no_file_means_no_cluster(tmp_path: Path) -> None:
    assert load_clusters(tmp_path / "absent.toml") == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[hpc", "not TOML"),
        ('[hpc]\nscheduler = "local"\n', "home"),
        (GOOD + 'hom = "/x"\n', "hom"),
        (GOOD.replace("local", "lsf"), "scheduler"),
        (GOOD.replace("/home/user", "relative"), "absolute"),
        (GOOD.replace("/home/user", "/home/../etc"), "absolute"),
        (GOOD + "max_cpus = 0\n", "max_cpus"),
        (GOOD + 'mpi = "pmi2 --uid=0"\n', "mpi"),
        (GOOD + 'mpi = "pmi2\\n"\n', "mpi"),
        (GOOD.replace("hpc", "housekeeping"), "name"),
        (GOOD.replace("[hpc]", '["a b"]'), "name"),
    ],
)
def test_a_bad_file_is_refused_naming_what_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        load_clusters(_file(tmp_path, text))


def test_the_control_folder_lies_in_the_home_by_default(tmp_path: Path) -> None:
    assert load_clusters(_file(tmp_path, GOOD))["hpc"].control == PurePosixPath("/home/user/.hpc-gateway")
    given = load_clusters(_file(tmp_path, GOOD + 'control = "//scratch/gateway/control"\n'))["hpc"]
    assert given.control == PurePosixPath("/scratch/gateway/control")


@pytest.mark.parametrize(
    ("control", "roots"),
    [
        ("/home/user", []),
        ("/home", []),
        ("/", []),
        ("/home/user/owners", []),
        ("/home/user/owners/ada", []),
        ("/scratch/gateway", ["/scratch/gateway"]),
        ("/scratch/gateway", ["/data", "/scratch/gateway/data"]),
        ("/scratch/ada", ["/scratch/{owner}"]),
        ("/scratch/ada", ["/scratch/{owner}/gateway"]),
        ("/scratch", ["/scratch/{owner}/gateway"]),
        ("//scratch/", ["/scratch/x"]),
    ],
)
def test_a_control_folder_that_holds_a_root_is_refused(
    tmp_path: Path, control: str, roots: list[str]
) -> None:
    text = GOOD + f'control = "{control}"\nroots = {roots}\n'
    with pytest.raises(Invalid, match=r"hpc: .*control .* holds .*, where clients write"):
        load_clusters(_file(tmp_path, text))


@pytest.mark.parametrize("control", ["/scratch", "/scratch/ada", "/srv", "/srv/next", "/srv/next/owners"])
def test_a_control_folder_that_holds_folders_of_another_cluster_is_refused(
    tmp_path: Path, control: str
) -> None:
    others = (
        '[next]\nscheduler = "local"\nhome = "/srv/next"\n'
        '[third]\nscheduler = "local"\nhome = "/srv/third"\nroots = ["/scratch/{owner}/x"]\n'
    )
    with pytest.raises(Invalid, match=r"hpc and (next|third): control .* holds .*, where clients write"):
        load_clusters(_file(tmp_path, f'{GOOD}control = "{control}"\n{others}'))


def test_clusters_may_share_home_and_control_folder(tmp_path: Path) -> None:
    found = load_clusters(_file(tmp_path, GOOD + GOOD.replace("hpc", "next")))
    assert found["hpc"].control == found["next"].control


@pytest.mark.parametrize("control", ["control", "/a/../b", "/scratch/{owner}/control"])
def test_a_control_folder_has_one_path(tmp_path: Path, control: str) -> None:
    with pytest.raises(Invalid, match=r"hpc\.control: "):
        load_clusters(_file(tmp_path, GOOD + f'control = "{control}"\n'))


@pytest.mark.parametrize(
    "control", ["/home/user/.x", "/scratch/.control", "/scratch/ada/control", "/var/lib/gateway", "/data/in"]
)
def test_a_control_folder_inside_a_root_is_carved_out_of_it(tmp_path: Path, control: str) -> None:
    text = GOOD + f'control = "{control}"\nroots = ["/scratch/{{owner}}/gateway", "/data"]\n'
    assert load_clusters(_file(tmp_path, text))["hpc"].control == PurePosixPath(control)


QUEUES = ["hpc.control", "hpc.long", "hpc.short", "housekeeping"]


@pytest.mark.parametrize("name", ["", "a/b", "a b", "x" * 64, "-a", "a\n", *QUEUES])
def test_a_name_that_cannot_be_a_queue_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="name"):
        check_name(name)


@pytest.mark.parametrize("name", QUEUES)
def test_a_configured_cluster_of_the_name_of_a_queue_is_refused(tmp_path: Path, name: str) -> None:
    table = f'["{name}"]\nscheduler = "local"\nhome = "/home/gateway"\n'
    with pytest.raises(Invalid, match=f"'{re.escape(name)}' is no name of a cluster.*choose another"):
        load_clusters(_file(tmp_path, table))


@pytest.mark.parametrize(
    "rest",
    [
        'roots = ["/scratch/{owner}", "/scratch"]\n',
        'roots = ["/scratch", "/scratch/{owner}/data"]\n',
        'roots = ["/srv/next/owners"]\n[next]\nscheduler = "local"\nhome = "/srv/next"\n',
        'roots = ["/scratch"]\n[next]\nscheduler = "local"\nhome = "/srv"\nroots = ["/scratch/{owner}"]\n',
    ],
)
def test_a_shared_root_that_holds_the_owners_folders_is_refused(tmp_path: Path, rest: str) -> None:
    with pytest.raises(Invalid, match=r"roots: all owners share '.*', which holds the folders of the single"):
        load_clusters(_file(tmp_path, GOOD + rest))


@pytest.mark.parametrize("roots", [["/scratch/{owner}", "/shared"], ["/"], ["/scratch/{owner}", "/"]])
def test_other_roots_lie_as_they_like(tmp_path: Path, roots: list[str]) -> None:
    assert load_clusters(_file(tmp_path, f'{GOOD}control = "/var/gateway"\nroots = {roots}\n'))
