"""Web servers and balancers that do not expect parts, or make files anew: the file comes whole."""

import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from gateway.errors import StorageBusy, StorageError
from gateway.filesystems.shared import SharedFilesystem
from gateway.transfers.outcome import Outcome
from tests.raw import answering, serving
from tests.staging import SETTINGS, Recorder, at, stage_in
from tests.stores import web_servers
from tests.stores.accounts import Refusing
from tests.stores.bringing import WAYS, bring, comes_whole
from tests.stores.bucket import Answer, Bucket, Stored
from tests.web import Page, web

MIB = 1 << 20
CSV = b"time;value\n1;2\n" * 9
BUSY = [
    (Answer(429, {"Retry-After": "120"}), 120),
    (Answer(503, {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(days=1))}), 80_000),
    (Answer(503, {"Retry-After": "soon"}), None),
]
PAGE = {"Content-Type": "text/html; charset=utf-8"}


def _bring(bucket: Bucket, site: SharedFilesystem, home: Path, way: str = "web") -> Outcome:
    return bring(bucket, site, home, way, SETTINGS)


def _fetch(url: str, site: SharedFilesystem, home: Path) -> Outcome:
    return stage_in(url, site, at(home, "in"), Recorder(), SETTINGS, secret=None)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", [web_servers.BackEnds, web_servers.NeverMatching])
def test_back_ends_that_disagree_about_the_etag_give_one_piece(
    kind: Callable[[], Bucket], way: str, site: SharedFilesystem, home: Path
) -> None:
    comes_whole(kind(), 20 * MIB, site, home, way=way, settings=SETTINGS)


@pytest.mark.parametrize("kind", ["time", "etag", "length"])
def test_a_file_that_is_made_for_each_request_is_asked_for_once(
    kind: str, site: SharedFilesystem, home: Path
) -> None:
    bucket = web_servers.Dynamic(kind)
    bucket.objects["x"] = Stored(CSV)
    _bring(bucket, site, home)
    assert (home / "in").read_bytes().startswith(CSV)
    assert len(bucket.asked) == 1


@pytest.mark.parametrize("kind", ["time", "etag"])
def test_a_file_that_is_made_for_each_request_and_has_no_end_is_compared_with_a_second_one(
    kind: str, site: SharedFilesystem, home: Path
) -> None:
    bucket = web_servers.Dynamic(kind, "close")
    bucket.objects["x"] = Stored(CSV)
    assert _bring(bucket, site, home).verification == "second download"
    assert (home / "in").read_bytes() == CSV


@pytest.mark.parametrize("way", ["presigned", "web"])
@pytest.mark.parametrize("status", [400, 416, 501])
@pytest.mark.parametrize("data", [b"", CSV])
def test_a_server_that_refuses_ranges_is_asked_for_the_whole(
    data: bytes, status: int, way: str, site: SharedFilesystem, home: Path
) -> None:
    bucket = web_servers.RefusingRanges(status)
    bucket.objects["x"] = Stored(data)
    _bring(bucket, site, home, way)
    assert (home / "in").read_bytes() == data


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "kind", [web_servers.FirstByteAlone, web_servers.WithEqualsSign, web_servers.MultipartRange]
)
def test_a_server_that_serves_other_parts_than_asked_gives_one_piece(
    kind: Callable[[], Bucket], way: str, site: SharedFilesystem, home: Path
) -> None:
    comes_whole(kind(), 20 * MIB, site, home, way=way, settings=SETTINGS)


def test_a_redirect_in_utf_8_is_followed(site: SharedFilesystem, home: Path) -> None:
    location = "/gr\u00f6\u00dfe.csv".encode().decode("latin-1")
    pages = {"/a": Page(status=302, headers={"Location": location}), "/gr%C3%B6%C3%9Fe.csv": Page(CSV)}
    with web(pages) as url:
        _fetch(f"{url}/a", site, home)
    assert (home / "in").read_bytes() == CSV


def test_a_redirect_without_a_location_is_named_at_once(site: SharedFilesystem, home: Path) -> None:
    with web({"/a": Page(status=302, headers={})}) as url, pytest.raises(StorageError, match="to no URL"):
        _fetch(f"{url}/a", site, home)


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("name", ["Digest", "Content-MD5", "Repr-Digest"])
def test_a_digest_in_hex_is_none(*, name: str, ranges: bool, site: SharedFilesystem, home: Path) -> None:
    found = hashlib.md5(CSV, usedforsecurity=False).hexdigest()
    value = found if name == "Content-MD5" else f"md5={found}"
    with web({"/x": Page(CSV, ranges=ranges, headers={"ETag": '"1"', name: value})}) as url:
        assert _fetch(f"{url}/x", site, home).verification == "size"


def test_digests_on_lines_of_their_own_are_all_read(site: SharedFilesystem, home: Path) -> None:
    digest = base64.b64encode(hashlib.sha256(b"here").digest())
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nDigest: sha-256=%s\r\nDigest: unixsum=30637\r\n\r\n"
    with serving(answering(head % digest + b"here")) as url:
        assert _fetch(url, site, home).verification == "sha256"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("answer", "least_s"), BUSY, ids=["seconds", "date", "nonsense"])
def test_a_busy_server_says_when_to_ask_again(
    answer: Answer, least_s: int | None, way: str, site: SharedFilesystem, home: Path
) -> None:
    bucket = Refusing(answer)
    with pytest.raises(StorageBusy) as caught:
        _bring(bucket, site, home, way)
    after_s = caught.value.retry_after_s
    assert after_s is None if least_s is None else after_s is not None and least_s <= after_s <= 86_400


@pytest.mark.parametrize("way", WAYS)
def test_a_web_page_in_place_of_the_file_is_a_warning(way: str, site: SharedFilesystem, home: Path) -> None:
    bucket = Bucket()
    bucket.objects["x"] = Stored(b"<!doctype html><title>Log in</title>", PAGE)
    assert "web page (text/html)" in " ".join(_bring(bucket, site, home, way).warnings)


@pytest.mark.parametrize(("name", "more"), [("x.html", {}), ("x", {"Content-Disposition": "attachment"})])
def test_a_web_page_that_was_meant_is_none(
    name: str, more: dict[str, str], site: SharedFilesystem, home: Path
) -> None:
    with web({f"/{name}": Page(b"<p>", headers=PAGE | more)}) as url:
        assert _fetch(f"{url}/{name}", site, home).warnings == []
