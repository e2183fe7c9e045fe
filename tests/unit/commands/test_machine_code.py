"""The machine code of a demo's jobs: the kernels' cache of this account, unless others can write there."""

import os
from pathlib import Path

import pytest

from hpc_gateway_commands.demo import machine_code


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the kernels name a folder of the test's own."""
    folder = tmp_path / "above" / "cache"
    folder.mkdir(mode=0o700, parents=True)
    monkeypatch.setenv("HPC_KERNELS_CACHE", str(folder))
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def shared(home: Path) -> bool:
    machine_code.share_machine_code(home)
    return (home / ".hpc-gateway/cache").exists()


def test_the_kernels_own_cache_is_shared(cache: Path, home: Path) -> None:
    assert shared(home)
    assert (home / ".hpc-gateway/cache").resolve() == cache
    assert (home / ".hpc-gateway").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777])
def test_a_folder_in_which_others_write_is_not(cache: Path, home: Path, mode: int) -> None:
    cache.chmod(mode)
    assert not shared(home)


def test_a_folder_that_others_can_replace_is_not(cache: Path, home: Path) -> None:
    cache.parent.chmod(0o777)
    assert not shared(home)
    cache.parent.chmod(0o1777)  # as /tmp: others cannot rename the folder
    assert shared(home)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize("above", [False, True])
def test_a_folder_of_another_account_is_not(cache: Path, home: Path, *, above: bool) -> None:
    os.chown(cache.parent if above else cache, 65534, -1)
    assert not shared(home)


def test_a_link_and_a_folder_that_is_not_there_are_not(
    cache: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "link").symlink_to(cache)
    for name in ("link", "missing"):
        monkeypatch.setenv("HPC_KERNELS_CACHE", str(home / name))
        assert not shared(home)


def test_a_demo_without_kernels_goes_on(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    assert not shared(home)
