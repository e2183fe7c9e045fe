"""Files from FTP servers, which are less reliable than object stores."""

import os
from pathlib import Path

import pytest

from gateway.errors import StorageBusy, StorageError
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


@pytest.mark.parametrize(
    "replies",
    [
        {"SIZE": "550 SIZE not allowed"},
        {"MDTM": "550 not a plain file"},
        {"SIZE": "213 File size is {size}"},
        {"PASV": "502 use EPSV"},
        {"PASV": "229 Entering Extended Passive Mode (|||{port}|)"},
        {"REST": "502 what?"},
        {"USER": "230 no password needed"},
    ],
    ids=str,
)
def test_ftp_servers_with_replies_of_their_own(
    replies: dict[str, str], site: SharedFilesystem, home: Path
) -> None:
    data = os.urandom(9 * MIB)
    with ftp({"/x": data}, replies=replies) as url:
        _fetch(f"{url}/x", site, home)
    assert (home / "in/x").read_bytes() == data


@pytest.mark.parametrize("path", ["/x", "//srv/ftp/x", "/%2Fsrv/ftp/x"])
def test_the_path_of_an_ftp_address_begins_in_the_folder_of_the_login(
    path: str, site: SharedFilesystem, home: Path
) -> None:
    with ftp({"/srv/ftp/x": b"here"}, folder="/srv/ftp/") as url:
        _fetch(f"{url}{path}", site, home)


@pytest.mark.parametrize(
    ("word", "reply"),
    [
        ("PASS", "530 Sorry, the maximum number of clients (50) for this class are already connected."),
        ("USER", "421 Too many connections from this address"),
    ],
)
def test_a_full_ftp_server_is_asked_again(word: str, reply: str, site: SharedFilesystem, home: Path) -> None:
    with ftp({"/x": b"here"}, replies={word: reply}) as url, pytest.raises(StorageBusy, match="tried again"):
        _fetch(f"{url}/x", site, home)


def test_an_ftp_file_that_is_not_there(site: SharedFilesystem, home: Path) -> None:
    with ftp({}) as url, pytest.raises(StorageError, match="550 no such file") as caught:
        _fetch(f"{url}/x", site, home)
    assert not caught.value.transient
    assert everything(home) == []


def test_no_command_hides_in_an_ftp_address(site: SharedFilesystem, home: Path) -> None:
    with ftp({"/x": b""}) as url, pytest.raises(StorageError, match="check src"):
        _fetch(f"{url}/x%0d%0aDELE%20x", site, home)
