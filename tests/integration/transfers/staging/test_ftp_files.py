"""Files from FTP servers, which are less reliable than object stores."""

import os
from pathlib import Path

import pytest

from gateway.errors import StorageError
from gateway.filesystems.shared import SharedFilesystem
from gateway.settings import Settings
from tests.staging import SETTINGS, Recorder, at, everything, stage_in
from tests.web import ftp

MIB = 1 << 20


PLAIN = ("SIZE", "MDTM")  # unknown to plain servers


def _fetch(url: str, site: SharedFilesystem, home: Path, settings: Settings = SETTINGS) -> Recorder:
    progress = Recorder()
    stage_in(url, site, at(home, "in/x"), progress, settings, secret=None)
    assert everything(home) == ["in", "in/x"]
    return progress


@pytest.mark.parametrize("size", [0, 10, 20 * MIB])
@pytest.mark.parametrize("plain", [False, True])
def test_an_ftp_file(*, size: int, plain: bool, site: SharedFilesystem, home: Path) -> None:
    data = os.urandom(size)
    with ftp({"/pub/größe x": data}, unknown=PLAIN if plain else ()) as url:
        progress = _fetch(f"{url}/pub/größe%20x", site, home)
    assert (home / "in/x").read_bytes() == data
    assert progress.total == (None if plain else size)


@pytest.mark.parametrize(("plain", "goes_on_at"), [(False, [2 * MIB]), (True, [])])
def test_an_ftp_file_whose_connection_breaks(
    *, plain: bool, goes_on_at: list[int], site: SharedFilesystem, home: Path
) -> None:
    data, rests = os.urandom(3 * MIB), list[int]()
    with ftp({"/x": data}, unknown=PLAIN if plain else (), breaks=[2 * MIB], rests=rests) as url:
        _fetch(f"{url}/x", site, home)
    assert (home / "in/x").read_bytes() == data
    assert rests == goes_on_at


@pytest.mark.parametrize("reading", [0, 1, 2])
def test_an_ftp_file_that_is_replaced_while_it_is_read(
    reading: int, site: SharedFilesystem, home: Path
) -> None:
    old, new = os.urandom(20 * MIB), os.urandom(20 * MIB)
    with ftp({"/x": old}, replaced={reading: new}) as url:
        _fetch(f"{url}/x", site, home)
    assert (home / "in/x").read_bytes() == new


@pytest.mark.parametrize("unknown", ["REST", "MDTM"])
def test_an_ftp_server_that_cannot_go_on_sends_a_large_file_in_one_piece(
    unknown: str, site: SharedFilesystem, home: Path
) -> None:
    data, rests = os.urandom(20 * MIB), list[int]()
    with ftp({"/x": data}, unknown=(unknown,), rests=rests) as url:
        _fetch(f"{url}/x", site, home)
    assert (home / "in/x").read_bytes() == data
    assert rests == []


def test_an_ftp_file_that_is_not_there(site: SharedFilesystem, home: Path) -> None:
    with ftp({}) as url, pytest.raises(StorageError, match="550 no such file") as caught:
        _fetch(f"{url}/x", site, home)
    assert not caught.value.transient
    assert everything(home) == []


def test_no_command_hides_in_an_ftp_address(site: SharedFilesystem, home: Path) -> None:
    with ftp({"/x": b""}) as url, pytest.raises(StorageError, match="check src"):
        _fetch(f"{url}/x%0d%0aDELE%20x", site, home)
