"""Stores whose listings, answers and errors are too long, without an end, or nonsense."""

import itertools
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime

import pytest

from gateway.errors import StorageError
from gateway.filesystems.files import MemorySlice
from gateway.settings import Settings
from gateway.storage.address import Credentials, S3Address
from gateway.storage.s3 import object_listing
from gateway.storage.s3.object import S3Object
from tests.hostile import endless, store
from tests.raw import answering, serving

SETTINGS = Settings(allowed_endpoints=["127.0.0.1"], read_timeout_s=10)
PAGE = "<ListBucketResult><IsTruncated>{more}</IsTruncated>{token}{contents}</ListBucketResult>"
ENTRY = "<Contents><Key>in/{key}</Key><Size>{size}</Size></Contents>"


def _object(url: str, key: str = "in/") -> S3Object:
    return S3Object(S3Address(url, "local", "data", key), Credentials("me", "geheim"), SETTINGS)


def _page(token: str = "", contents: str = "") -> bytes:
    more, named = (
        ("true", f"<NextContinuationToken>{token}</NextContinuationToken>") if token else ("false", "")
    )
    return PAGE.format(more=more, token=named, contents=contents).encode()


def _list(answer: Callable[[str], bytes]) -> list[tuple[str, int]]:
    with store(answer) as url, closing(_object(url)) as prefix:
        return list(prefix.below())


def test_all_pages_are_listed() -> None:
    pages = iter(
        [_page("a", ENTRY.format(key="1", size=1)), _page("b"), _page("", ENTRY.format(key="2", size=2))]
    )
    assert _list(lambda _: next(pages)) == [("1", 1), ("2", 2)]


@pytest.mark.parametrize(
    ("tokens", "says"),
    [
        (itertools.repeat("a"), "names the same next page twice"),
        (itertools.cycle("abc"), "names the same next page twice"),
        ((f"t{n}" for n in itertools.count()), "has more than 20 pages"),
    ],
    ids=["repeated", "loop", "endless"],
)
@pytest.mark.parametrize("contents", ["", "<Contents><Key>in/made-up/</Key><Size>0</Size></Contents>"])
def test_a_listing_without_an_end_ends(
    tokens: "itertools.repeat[str]", says: str, contents: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_listing, "LISTING_PAGES", 20)
    with pytest.raises(StorageError, match=f"the listing of the store at http.* {says}: check endpoint"):
        _list(lambda _: _page(next(tokens), contents))


def test_a_listing_that_takes_too_long_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_listing, "LISTING_S", 0.0)
    tokens = itertools.count(1)
    with pytest.raises(StorageError, match="has no end after 0 s"):
        _list(lambda _: _page(f"t{next(tokens)}"))


def test_a_listing_that_goes_on_nowhere_is_not_taken_for_whole() -> None:
    with pytest.raises(StorageError, match="names no next page"):
        _list(lambda _: PAGE.format(more="true", token="", contents="").encode())


@pytest.mark.parametrize(
    ("contents", "says"),
    [
        ("<Contents><Key>in/a</Key></Contents>", "gives no size of 'in/a'"),
        (ENTRY.format(key="a", size=10**25), f"gives '?{10**25}'? as the size of 'in/a'"),
        (ENTRY.format(key="a", size=-1), "gives no size of 'in/a'"),
        (ENTRY.format(key="a", size="many"), "another form than S3 does .ValueError."),
        (ENTRY.format(key="a", size="9" * 5000), "another form than S3 does .ValueError."),
        ("<Contents><Size>1</Size></Contents>", "names '', which is not below 'in/'"),
        ("<Contents><Key>out/a</Key><Size>1</Size></Contents>", "names 'out/a', which is not below 'in/'"),
        (ENTRY.format(key="k" * 1100, size=1), "which is longer than 1024 bytes"),
        ("<Contents><LastModified>never</LastModified></Contents>", "names '', which is not below 'in/'"),
        ("<Contents>" * 40 + "</Contents>" * 40, "XML that is more than 32 elements deep"),
        ("<a/>" * 100_001, "XML of more than 100000 elements and attributes"),
        ("<a " + " ".join(f"b{n}=''" for n in range(20_000)) + "/>", "a tag of more than 65536 bytes"),
        ("<a x='" + "y" * 200_000, "a tag of more than 65536 bytes"),
    ],
)
def test_an_entry_that_is_nonsense_is_named(contents: str, says: str) -> None:
    with pytest.raises(StorageError, match=says) as caught:
        _list(lambda _: _page("", contents))
    assert not caught.value.transient
    assert len(caught.value.detail) < 400


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "is empty"),
        (b"here", "is no XML"),
        (b"{}", "is no XML"),
        (b"\xff\xfe", "is no XML"),
        (b"<html/>", "is <'html'> and no list of objects"),
        (b"<ListBucketResult>", "was cut short; it is tried again"),
        (b"<ListBucketResult><Key>a\x01b</Key></ListBucketResult>\n", "a name that XML cannot hold"),
        (b"<Error><Code>InternalError</Code></Error>", "failed .InternalError.; it is tried again"),
        (b"<Error><Code>AccessDenied</Code></Error>", "no permission"),
    ],
)
def test_an_answer_that_is_no_listing_is_an_error_in_words(body: bytes, says: str) -> None:
    with pytest.raises(StorageError, match=says):
        _list(lambda _: body)


def test_a_document_type_is_refused() -> None:
    bomb = b"<!DOCTYPE a [<!ENTITY b 'bbbbbbbb'><!ENTITY c '&b;&b;&b;'>]><a>&c;</a>"
    with pytest.raises(StorageError, match="XML with a document type"):
        _list(lambda _: bomb)


HEAD = b'HTTP/1.1 %s\r\nContent-Type: application/xml\r\nETag: "x"\r\n\r\n'


def test_a_page_without_an_end_is_cut_off() -> None:
    page = endless(HEAD % b"200 OK", b"<a>" + bytes(1 << 20))
    with (
        serving(page) as url,
        closing(_object(url[:-2])) as prefix,
        pytest.raises(StorageError, match="a body of more than 16777216 bytes"),
    ):
        list(prefix.below())


def test_an_error_without_an_end_is_judged_by_its_status() -> None:
    with (
        serving(endless(HEAD % b"403 No", b"<a>" * 1000)) as url,
        closing(_object(url[:-2], "x")) as found,
        pytest.raises(StorageError, match="no permission"),
    ):
        found.ask()


@pytest.mark.parametrize("body", [b"<Error>" * 5000, b"<!DOCTYPE a [<!ENTITY b 'c'>]><Error>&b;</Error>"])
def test_an_error_of_hostile_xml_is_judged_by_its_status(body: bytes) -> None:
    answer = b"HTTP/1.1 403 No\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    with (
        serving(answering(answer)) as url,
        closing(_object(url[:-2], "x")) as found,
        pytest.raises(StorageError, match="no permission"),
    ):
        found.ask()


ODD = [
    "<X><Error>text</Error></X>",
    "<X><ResponseMetadata>x</ResponseMetadata></X>",
    "<Error><Code><a/></Code></Error>",
]


@pytest.mark.parametrize("body", ODD)
def test_an_error_of_odd_xml_is_an_error_in_words(body: str) -> None:
    answer = f"HTTP/1.1 403 No\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    with (
        serving(answering(answer)) as url,
        closing(_object(url[:-2], "x")) as found,
        pytest.raises(StorageError, match="no permission|answers"),
    ):
        found.ask()


def test_an_error_page_of_a_web_server_is_judged_by_its_status_in_a_listing_too() -> None:
    body = b"<!DOCTYPE html><html>not here</html>"
    answer = b"HTTP/1.1 403 No\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    with (
        serving(answering(answer)) as url,
        closing(_object(url[:-2])) as prefix,
        pytest.raises(StorageError, match="no permission"),
    ):
        list(prefix.below())


def test_an_upload_whose_answer_has_no_end_is_given_up() -> None:
    with (
        serving(endless(HEAD % b"200 OK", bytes(1 << 20))) as url,
        closing(_object(url[:-2], "x")) as sent,
        pytest.raises(StorageError, match="a body of more than 1048576 bytes"),
    ):
        sent.put(MemorySlice(b"here"))


@pytest.mark.parametrize("length", ["", "many", "-1", "9" * 5000, "1e3"])
def test_an_object_of_no_length_is_an_error_in_words(length: str) -> None:
    answer = f"HTTP/1.1 200 OK\r\nX-Content: x\r\nContent-Length: {length}\r\n\r\n".encode()
    with (
        serving(answering(answer)) as url,
        closing(_object(url[:-2], "x")) as found,
        pytest.raises(StorageError),
    ):
        found.ask()


def test_a_small_object_is_read_no_further_than_it_says() -> None:
    begin = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n"
    with (
        serving(endless(begin, bytes(1 << 16))) as url,
        closing(_object(url[:-2], "x")) as found,
    ):
        info = found.ask()
    assert (info.size, info.whole) == (None, None)  # the length beside a transfer coding is not believed


UPLOADS = "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>{}</ListMultipartUploadsResult>"


@pytest.mark.parametrize(
    "uploads",
    [
        "<Upload><Key>x</Key></Upload>",
        "<Upload><Key>x</Key><Initiated>never</Initiated><UploadId>1</UploadId></Upload>",
        "<Upload><UploadId>1</UploadId></Upload>",
    ],
)
def test_uploads_of_another_form_are_an_error_in_words(uploads: str) -> None:
    with (
        store(lambda _: UPLOADS.format(uploads).encode()) as url,
        closing(_object(url, "x")) as found,
        pytest.raises(StorageError, match="another form than S3 does"),
    ):
        list(found.uploads.find_lost(datetime.now(UTC)))


@pytest.mark.parametrize(
    "part",
    [
        "<Part><PartNumber>1</PartNumber></Part>",
        "<Part><PartNumber>one</PartNumber><ETag>x</ETag><Size>1</Size></Part>",
    ],
)
def test_parts_of_another_form_are_an_error_in_words(part: str) -> None:
    page = f"<ListPartsResult><IsTruncated>false</IsTruncated>{part}</ListPartsResult>".encode()
    with (
        store(lambda _: page) as url,
        closing(_object(url, "x")) as found,
        pytest.raises(StorageError, match="another form than S3 does"),
    ):
        found.uploads.list_parts("unchecked:1")


_NAMESPACE = "urn:" + "n" * 2000


@pytest.mark.parametrize(
    ("contents", "says"),
    [
        (f"<a xmlns='{_NAMESPACE}'/>", "an XML name of more than 256 characters"),
        (f"<b xmlns:p='{_NAMESPACE}' p:x='1'/>", "an XML name of more than 256 characters"),
        (f"<LastModified>{'1' * 20_000}</LastModified>", "an XML element of more than 16384 characters"),
    ],
    ids=["namespace", "attribute", "text"],
)
def test_xml_that_takes_more_than_its_text_is_refused(contents: str, says: str) -> None:
    with pytest.raises(StorageError, match=says):
        _list(lambda _: _page("", contents))


def test_a_token_that_no_request_can_hold_is_refused() -> None:
    with pytest.raises(StorageError, match="an XML element of more than"):
        _list(lambda _: _page("t" * 100_000))


def test_a_key_of_the_longest_kind_is_listed() -> None:
    name = "%E2%82%AC" * 340
    page = _page("", f"<EncodingType>url</EncodingType>{ENTRY.format(key=name, size=1)}")
    assert _list(lambda _: page) == [("\u20ac" * 340, 1)]
