"""Answers above the least rate that never end: each has a deadline, and so have all of them together."""

import itertools
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime

import pytest

from gateway.egress import pool
from gateway.errors import StorageError, StorageUnavailable
from gateway.settings import Settings
from gateway.storage.address import Credentials, S3Address
from gateway.storage.s3.object import S3Object
from gateway.storage.web import WebFile
from gateway.transfers.staging import listing, upload
from gateway.transfers.staging.attempt import NoResume
from gateway.transfers.staging.listing import list_objects
from gateway.transfers.staging.upload import abort_uploads
from tests.hostile import dripping, endless, store
from tests.raw import answering, serving

SETTINGS = Settings(
    allowed_endpoints=["127.0.0.1"], read_timeout_s=60, least_rate_bytes_per_s=1, least_rate_window_s=0.5
)
PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n\r\n<ListBucketResult>"
REDIRECT = b"HTTP/1.1 307 Go\r\nLocation: %s\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNK = b"1000\r\n" + bytes(4096) + b"\r\n"
UPLOAD = (
    "<Upload><Key>o</Key><UploadId>u{number}</UploadId><Initiated>2030-01-01T00:00:00Z</Initiated></Upload>"
)
UPLOADS = "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>{}</ListMultipartUploadsResult>"


class Watching:
    def expect(self, total_bytes: int) -> None:
        pass

    def advance(self, done_bytes: int) -> None:
        pass


def _object(url: str, key: str = "in/") -> S3Object:
    return S3Object(S3Address(url, "local", "data", key), Credentials("me", "geheim"), SETTINGS)


def test_a_page_that_never_ends_ends_the_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "LISTING_S", 0.5)
    with (
        serving(dripping(PAGE, b" ")) as url,
        closing(_object(url)) as prefix,
        pytest.raises(StorageUnavailable, match=r"the store has not answered within 0.5 s"),
    ):
        list_objects(prefix, Watching(), 10)


def test_a_body_that_is_read_whole_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "ANSWER_S", 0.5)
    with (
        serving(dripping(PAGE, b" ")) as url,
        closing(_object(url)) as prefix,
        pytest.raises(StorageUnavailable, match=r"has not answered within 0.5 s"),
    ):
        list(prefix.below())


@pytest.mark.parametrize("where", ["the uploads", "their parts"])
def test_the_clean_up_of_uploads_has_an_end(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "LISTING_S", 1.0)
    uploads = UPLOADS.format("".join(UPLOAD.format(number=number) for number in range(100))).encode()
    listed = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(uploads), uploads)
    slow = dripping(PAGE, b" ")
    behave = [slow] if where == "the uploads" else [answering(listed), slow]
    if where == "their parts":
        behave = [_then(listed, b"HTTP/1.1 200 OK\r\n\r\n<ListPartsResult>")]
    resume = NoResume()
    monkeypatch.setattr(NoResume, "lost_since", datetime(2026, 1, 1, tzinfo=UTC))
    with (
        serving(*behave) as url,
        closing(_object(url, "o")) as store_,
        pytest.raises(StorageUnavailable, match=r"the store has not answered within 1 s"),
    ):
        abort_uploads(store_, resume)


def _then(first: bytes, begin: bytes) -> Callable[..., None]:
    """Answer a request, and the next one without an end."""

    def behave(accepted: object) -> None:
        answering(first)(accepted)  # type: ignore[arg-type]
        dripping(begin, b" ")(accepted)  # type: ignore[arg-type]

    return behave


def test_a_redirect_with_an_endless_body_is_followed_at_once() -> None:
    file = b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\nETag: "a"\r\n\r\nhere'
    with (
        serving(answering(file)) as target,
        serving(endless(REDIRECT % target.encode(), CHUNK)) as url,
        closing(WebFile(url, SETTINGS)) as web,
    ):
        assert web.ask().size == 4


def test_redirects_without_an_end_that_have_endless_bodies_end() -> None:
    for_ever = [endless(REDIRECT % b"/again", CHUNK)] * 6
    with (
        serving(*for_ever) as url,
        closing(WebFile(url, SETTINGS)) as web,
        pytest.raises(StorageError, match="redirects more than 5 times"),
    ):
        web.ask()


@pytest.mark.parametrize(
    "asks", [S3Object.ask, lambda prefix: list(prefix.below())], ids=["object", "listing"]
)
@pytest.mark.parametrize("headers", [b"", b"x-amz-bucket-region: eu-1\r\n"], ids=["plain", "region"])
def test_a_store_that_redirects_without_an_end_is_an_error(
    asks: Callable[[S3Object], object], headers: bytes
) -> None:
    heard = list[bytes]()
    answer = (
        b"HTTP/1.1 307 Go\r\nLocation: /again\r\nConnection: close\r\nContent-Length: 0\r\n%s\r\n" % headers
    )
    with (
        serving(*[answering(answer, heard=heard)] * 50) as url,
        closing(_object(url)) as found,
        pytest.raises(StorageError, match="redirects to another object"),
    ):
        asks(found)
    assert len(heard) <= 2


def test_pages_that_each_come_in_time_do_not_take_all_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "LISTING_S", 0.5)
    tokens = itertools.count()
    page = (
        "<ListBucketResult><IsTruncated>true</IsTruncated>"
        "<NextContinuationToken>t{}</NextContinuationToken></ListBucketResult>"
    )
    with (
        store(lambda _: page.format(next(tokens)).encode()) as url,
        closing(_object(url)) as prefix,
        pytest.raises(StorageError),
    ):
        list_objects(prefix, Watching(), 10)
