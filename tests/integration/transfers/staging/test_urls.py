"""Files from web and FTP servers, which are less reliable than object stores."""

import base64
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from gateway.egress import policy
from gateway.errors import StorageBusy, StorageChanged, StorageError, StorageUnavailable
from gateway.filesystems.shared import SharedFilesystem
from gateway.settings import Settings
from tests.staging import SETTINGS, Recorder, at, everything, stage_in
from tests.web import Page, ftp, web

MIB = 1 << 20


def _fetch(url: str, site: SharedFilesystem, home: Path, settings: Settings = SETTINGS) -> Recorder:
    progress = Recorder()
    stage_in(url, site, at(home, "in/x"), progress, settings, secret=None)
    assert everything(home) == ["in", "in/x"]
    return progress


@pytest.mark.parametrize("size", [0, 1, 3 * MIB, 20 * MIB])
@pytest.mark.parametrize("ranges", [True, False])
def test_a_web_file(*, size: int, ranges: bool, site: SharedFilesystem, home: Path) -> None:
    page = Page(os.urandom(size), ranges=ranges)
    with web({"/data/a.csv": page}) as url:
        progress = _fetch(f"{url}/data/a.csv#part", site, home)
    assert (home / "in/x").read_bytes() == page.data
    assert (progress.total, progress.seen[-1]) == (size, size)
    assert len(page.asked) == 1 + (-(-size // (8 * MIB)) if ranges else 0)


def test_a_file_of_unknown_size(site: SharedFilesystem, home: Path) -> None:
    page = Page(os.urandom(3 * MIB), ranges=False, chunked=True)
    with web({"/x": page}) as url:
        progress = _fetch(f"{url}/x", site, home)
    assert (home / "in/x").read_bytes() == page.data
    assert (progress.total, progress.seen[-1]) == (None, 3 * MIB)


def test_odd_characters_in_the_address(site: SharedFilesystem, home: Path) -> None:
    with web({"/gr%C3%B6%C3%9Fe%20x?a=b&c=%C3%A4": Page(b"here")}) as url:
        _fetch(f"{url}/größe%20x?a=b&c=ä", site, home)
    assert (home / "in/x").read_text() == "here"


def test_a_broken_connection_goes_on_where_ranges_are_served(site: SharedFilesystem, home: Path) -> None:
    page = Page(os.urandom(3 * MIB), break_after=2 * MIB)
    with web({"/x": page}) as url:
        _fetch(f"{url}/x", site, home)
    assert (home / "in/x").read_bytes() == page.data
    assert page.asked[-1] == f"bytes={2 * MIB}-{3 * MIB - 1}"


def test_a_broken_connection_starts_again_where_they_are_not(site: SharedFilesystem, home: Path) -> None:
    page = Page(os.urandom(3 * MIB), break_after=2 * MIB, ranges=False)
    with web({"/x": page}) as url:
        _fetch(f"{url}/x", site, home)
    assert (home / "in/x").read_bytes() == page.data


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (404, StorageError, "404 Not Found: the file does not exist"),
        (403, StorageError, "403 Forbidden: it gives no permission"),
        (401, StorageError, "login"),
        (418, StorageError, "check src"),
        (429, StorageBusy, "tried again"),
        (500, StorageUnavailable, "tried again"),
    ],
)
def test_an_error_is_never_saved_as_data(
    status: int, kind: type[StorageError], says: str, site: SharedFilesystem, home: Path
) -> None:
    pages = {"/x?signature=geheim": Page(b"<html>sorry</html>", status=status)}
    with web(pages) as url, pytest.raises(StorageError, match=says) as caught:
        _fetch(f"{url}/x?signature=geheim", site, home)
    assert type(caught.value) is kind
    assert "geheim" not in caught.value.detail
    assert everything(home) == []


def _digest(data: bytes, algorithm: str = "sha256") -> str:
    return base64.b64encode(hashlib.new(algorithm, data).digest()).decode()


DIGESTS = [  # name and value of the header, its algorithm, and whether it is of the whole in every answer
    ("Repr-Digest", "sha-256=:{}:", "sha256", True),
    ("Content-Digest", "sha-256=:{}:", "sha256", False),
    ("Digest", "SHA-256={}", "sha256", True),
    ("Digest", "SHA={}", "sha1", True),
    ("Content-MD5", "{}", "md5", False),
]


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize(("name", "form", "algorithm", "in_parts"), DIGESTS)
def test_a_digest_is_verified(
    *, name: str, form: str, algorithm: str, in_parts: bool, ranges: bool, site: SharedFilesystem, home: Path
) -> None:
    page = Page(b"right", ranges=ranges, headers={"ETag": '"1"'})
    told = page.headers if in_parts else page.whole_headers
    with web({"/x": page}) as url:
        told[name] = form.format(_digest(b"right", algorithm))
        _fetch(f"{url}/x", site, home)
        told[name] = form.format(_digest(b"wrong", algorithm))
        with pytest.raises(StorageUnavailable, match=f"{algorithm} checksum"):
            stage_in(f"{url}/x", site, at(home, "y"), Recorder(), SETTINGS, secret=None)


@pytest.mark.parametrize("name", ["Repr-Digest", "Digest", "Content-MD5"])
def test_a_digest_that_is_too_long_is_not_read(name: str, site: SharedFilesystem, home: Path) -> None:
    long = "a" * 30_000  # a pattern would look for its end from each of them
    page = Page(b"here", ranges=False, headers={"ETag": '"1"', name: long})
    with web({"/x": page}) as url:
        _fetch(f"{url}/x", site, home)
    assert (home / "in/x").read_text() == "here"


def test_an_answer_in_part_that_does_not_say_which_is_not_the_file(
    site: SharedFilesystem, home: Path
) -> None:
    with web({"/x": Page(b"some", status=206)}) as url, pytest.raises(StorageError, match="ranges as asked"):
        _fetch(f"{url}/x", site, home)
    assert everything(home) == ["in"]


def _becoming(data: bytes, at: int, new: bytes, **named: Any) -> Page:
    """Return a page that is another one when it is asked for the so manieth time."""

    class Asked(list[str]):
        def append(self, asked: str) -> None:
            super().append(asked)
            if len(self) == at:
                page.data = new

    page = Page(data, asked=Asked(), **named)
    return page


def test_a_file_without_a_version_that_grows_is_begun_again(site: SharedFilesystem, home: Path) -> None:
    page = _becoming(b"short", 2, b"longer", ranges=False, headers={}, break_after=2)
    with web({"/x": page}) as url:
        _fetch(f"{url}/x", site, home)
    assert (home / "in/x").read_bytes() == b"longer"


@pytest.mark.parametrize("size", [5, 12 * MIB])
def test_a_file_that_shrinks_is_begun_again(size: int, site: SharedFilesystem, home: Path) -> None:
    new, settings = os.urandom(size), Settings(allowed_endpoints=["127.0.0.1"], connections=1)
    with web({"/x": _becoming(os.urandom(20 * MIB), 3, new)}) as url:
        _fetch(f"{url}/x", site, home, settings)
    assert (home / "in/x").read_bytes() == new


def test_a_file_that_never_rests_is_put_off(site: SharedFilesystem, home: Path) -> None:
    class Restless(dict[str, str]):
        count = 0

        def __or__(self, other: object) -> dict[str, str]:  # type: ignore[override]
            self.count += 1
            return {"ETag": f'"{self.count}"', **dict(other)}  # type: ignore[call-overload]

    with web({"/x": Page(bytes(MIB), headers=Restless())}) as url, pytest.raises(StorageChanged):
        _fetch(f"{url}/x", site, home)
    assert everything(home) == ["in"]


def _redirect(target: str) -> Page:
    return Page(status=302, headers={"Location": target})


def test_redirects_are_followed(site: SharedFilesystem, home: Path) -> None:
    pages = {"/a": _redirect("b?c"), "/b?c": _redirect("/x"), "/x": Page(b"here")}
    with web(pages) as url:
        _fetch(f"{url}/a", site, home)
    assert (home / "in/x").read_text() == "here"


def _signing(pages: dict[str, Page], answers: int, *versions: bytes) -> Page:
    """Redirect to a URL that is valid for so many answers, and each time to another one."""

    class Asked(list[str]):
        def append(self, asked: str) -> None:
            super().append(asked)
            number = len(self)
            data = versions[min(number, len(versions)) - 1]
            pages[f"/signed?{number}"] = page = Page(data, headers={"ETag": f'"{_digest(data)}"'})
            page.asked = Fading(page, answers)
            source.headers = {"Location": f"/signed?{number}"}

    class Fading(list[str]):
        def __init__(self, page: Page, answers: int) -> None:
            self._page, self._left = page, answers

        def append(self, asked: str) -> None:
            super().append(asked)
            if len(self) > self._left:
                self._page.status = 403

    source = pages["/x"] = Page(status=302, asked=Asked())
    return source


@pytest.mark.parametrize("versions", [1, 2])
def test_a_signed_target_that_has_expired_is_asked_for_again(
    versions: int, site: SharedFilesystem, home: Path
) -> None:
    pages: dict[str, Page] = {}
    data = [os.urandom(20 * MIB) for _ in range(versions)]
    source = _signing(pages, 2, *data)
    settings = Settings(allowed_endpoints=["127.0.0.1"], connections=1)
    with web(pages) as url:
        _fetch(f"{url}/x", site, home, settings)
    assert (home / "in/x").read_bytes() == data[-1]
    assert len(source.asked) <= 4


def test_a_target_that_stays_forbidden_is_a_failure(site: SharedFilesystem, home: Path) -> None:
    pages: dict[str, Page] = {}
    source = _signing(pages, 0, b"")
    with web(pages) as url, pytest.raises(StorageError, match="403 Forbidden"):
        _fetch(f"{url}/x", site, home)
    assert len(source.asked) == 1


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("/loop", "more than 5 times"),
        ("http://169.254.169.254/latest/meta-data", "GATEWAY_ALLOWED_ENDPOINTS"),
        ("http://localhost.localdomain.invalid/", "no host"),
        ("file:///etc/passwd", "starts with http"),
        ("http://user:geheim@127.0.0.1/", "user name or a password"),
        ("", "redirects to no URL: check src"),
        ("http://[", "redirects to no URL: check src"),
        ("http://127.0.0.1:999999/", "redirects to "),
        ("//[::1", "redirects to no URL: check src"),
    ],
)
def test_redirects_are_judged(target: str, says: str, site: SharedFilesystem, home: Path) -> None:
    with web({"/loop": _redirect(target)}) as url, pytest.raises(StorageError, match=says):
        _fetch(f"{url}/loop", site, home)
    assert everything(home) == []


@pytest.mark.parametrize("scheme", ["http", "ftp"])
def test_every_address_of_a_server_is_tried(
    scheme: str, site: SharedFilesystem, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy, "resolve", lambda *_: ["127.0.0.2", "127.0.0.1"])
    serve = ftp({"/x": b"here"}) if scheme == "ftp" else web({"/x": Page(b"here")})
    with serve as url:
        _fetch(f"{url}/x", site, home)
    assert (home / "in/x").read_text() == "here"


@pytest.mark.parametrize("scheme", ["http", "ftp"])
def test_inner_servers_need_the_operators_word(scheme: str, site: SharedFilesystem, home: Path) -> None:
    with web({}) as url, pytest.raises(StorageError, match="GATEWAY_ALLOWED_ENDPOINTS"):
        _fetch(url.replace("http", scheme) + "/x", site, home, Settings(allowed_endpoints=[]))
