"""libcurl's signatures are the same as botocore's; odd requests are signed by botocore."""

import hashlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from unittest import mock
from urllib.parse import quote

import botocore.auth
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials as SigningKeys

from gateway.egress.pool import ConnectionPool
from gateway.settings import Settings
from gateway.storage.address import Credentials
from gateway.storage.s3.signing import PAYLOAD, Signer
from tests.raw import OK, answering, serving

KEYS = ["a/b", "with space", "größe/Ü", "plus+percent%20", "a?b#c&d=e", "//x//y/", "quote'\"", "~", "a:b;c,d"]
KEYS += ["x@!$&*()[]", "/", "%2F%2f%2e", "\x01", "\U0001f600", "...", ".a", "{a}|^`<>\\"]
DOTS = ["a/./b", "../b", "x/..", "."]
QUERIES = ["", f"partNumber=1&uploadId={quote('a+b/=~-_. ü', safe='-_.~')}", "uploadId=x&partNumber=10"]
BODY = b"what is sent"
HEADERS: list[dict[str, str]] = [
    {"x-amz-checksum-mode": "ENABLED", "If-Match": '"a, b  c"', "Range": "bytes=1-2"},
    {"x-amz-checksum-crc64nvme": "abc+/=", "x-amz-sdk-checksum-algorithm": "CRC64NVME"},
    {"x-amz-checksum-crc64nvme": "abc+/=", PAYLOAD: hashlib.sha256(BODY).hexdigest()},
]
SECRET = "geheim/+=ü"
HOST = "store.example:81"
SETTINGS = Settings(allowed_endpoints=["127.0.0.1"])


@dataclass(frozen=True)
class Sent:
    """A request, of which botocore tells how it would be signed."""

    url: str
    headers: dict[str, str]
    region: str = "eu-1"
    key: str = "access"
    method: str = "GET"

    def arrived(self) -> dict[str, str]:
        """Send it, and return the headers that have arrived, and the target."""
        heard: list[bytes] = []
        signer = Signer(self.region, Credentials(self.key, SECRET))
        answer = OK.replace(b"here", b"") if self.method == "HEAD" else OK
        with (
            serving(answering(answer, heard=heard)) as there,
            closing(ConnectionPool(SETTINGS)) as connections,
        ):
            url = self.url.replace("http://store", there.removesuffix("/x"))
            signed, account = signer.signed(self.method, url, {"Host": HOST, **self.headers})
            connections.send(self.method, url, signed, None, account).close()
        first, *lines = heard[0].decode().split("\r\n")
        pairs = (line.partition(": ") for line in lines if line)
        return {name.lower(): value for name, _, value in pairs} | {"target": first.split()[1]}

    def signature(self, at: str) -> list[str]:
        """Return botocore's signature for it at a moment."""
        request = AWSRequest(self.method, self.url, {"Host": HOST, **self.headers}, BODY)
        signs_body = PAYLOAD in self.headers
        request.context = {"client_config": Config(s3={"payload_signing_enabled": signs_body})}
        moment = datetime.strptime(at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        with mock.patch.object(botocore.auth, "get_current_datetime", return_value=moment):
            S3SigV4Auth(SigningKeys(self.key, SECRET), "s3", self.region).add_auth(request)
        return _words(request.headers["Authorization"])

    def check(self) -> None:
        told = self.arrived()
        assert _words(told["authorization"]) == self.signature(told["x-amz-date"])
        assert told["target"] == self.url.removeprefix("http://store")
        assert told[PAYLOAD] == self.headers.get(PAYLOAD, "UNSIGNED-PAYLOAD")


def _words(authorization: str) -> list[str]:
    return authorization.replace(",", " ").split()


def _urls(keys: list[str]) -> Iterator[str]:
    for key, query in product(keys, QUERIES):
        yield f"http://store/bucket/{quote(key, safe='/~')}{'?' if query else ''}{query}"


@pytest.mark.parametrize("headers", HEADERS, ids=["get", "put", "put without TLS"])
@pytest.mark.parametrize("url", list(_urls(KEYS + DOTS)))
def test_every_object_is_signed_as_botocore_would(url: str, headers: dict[str, str]) -> None:
    Sent(url, headers).check()


@pytest.mark.parametrize(
    ("region", "key"),
    [("a:b", "k"), ("", "k"), ("x" * 70, "k"), ("eu", "a:b"), ("eu", "me@x.org"), ("eu", "a+b/"), ("eu", "")],
)
def test_odd_accounts_and_regions_are_signed_right(region: str, key: str) -> None:
    Sent("http://store/bucket/key", HEADERS[0], region, key).check()


def test_a_head_is_signed_as_one() -> None:
    Sent("http://store/bucket/key?partNumber=1", {}, method="HEAD").check()


def test_who_does_not_sign_sends_no_word_of_who_did_before() -> None:
    heard: list[bytes] = []
    signer = Signer("eu-1", Credentials("access", SECRET))
    serve = serving(answering(OK, OK, OK, heard=heard))
    with serve as url, closing(ConnectionPool(SETTINGS)) as connections:
        for signs in (True, False, True):
            signed, account = signer.signed("GET", url, {}) if signs else ({}, None)
            with closing(connections.send("GET", url, signed, None, account)) as answer:
                assert answer.read(1 << 20) == b"here"
    assert [b"Authorization: AWS4" in each for each in heard] == [True, False, True]
    assert b"uthorization" not in heard[1]
