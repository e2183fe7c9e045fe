"""What stores say, and what the user is told of it: what to do, and whether it is tried again."""

import re

import pytest
from botocore.exceptions import ConnectTimeoutError, HTTPClientError, ReadTimeoutError

from gateway.egress.errors import connection_error, curl_error
from gateway.errors import Fault, StorageBusy, StorageChanged, StorageError, StorageUnavailable
from gateway.storage.address import S3Address
from gateway.storage.s3.errors import store_error

ADDRESS = S3Address("https://s3.example.org", "eu-1", "box", "deep/{braces}.csv")


@pytest.mark.parametrize(
    ("code", "status", "kind", "says"),
    [
        ("SignatureDoesNotMatch", 403, StorageError, "check secret_key"),
        ("InvalidAccessKeyId", 403, StorageError, "check access_key"),
        ("AccessDenied", 403, StorageError, "no permission for object 'deep/{braces}.csv' in bucket 'box'"),
        ("403", 403, StorageError, "no permission"),
        ("NoSuchBucket", 404, StorageError, "no bucket 'box' at https://s3.example.org"),
        ("NoSuchKey", 404, StorageError, "no object 'deep/{braces}.csv'"),
        ("404", 404, StorageError, "no object"),
        ("RequestTimeTooSkewed", 403, StorageError, "clocks"),
        ("AuthorizationHeaderMalformed", 400, StorageError, "region 'eu-1'"),
        ("PermanentRedirect", 301, StorageError, "another region or endpoint"),
        ("EntityTooLarge", 400, StorageError, "of this size"),
        ("XMinioStorageFull", 507, StorageError, "quota"),
        ("QuotaExceeded", 403, StorageError, "quota"),
        ("InsufficientStorage", 507, StorageError, "quota"),
        ("NotImplemented", 501, StorageError, "does not offer"),
        ("501", 501, StorageError, "check endpoint"),
        ("HttpVersionNotSupported", 505, StorageError, "check endpoint"),
        ("ExpiredToken", 400, StorageError, "send a retry with fresh ones"),
        ("RequestExpired", 400, StorageError, "clocks"),
        ("InvalidRequest", 400, StorageError, "check endpoint, region, bucket and object"),
        ("400", 400, StorageError, "check endpoint, region, bucket and object"),
        ("InvalidObjectState", 403, StorageError, "archived"),
        ("NeverHeardOf", 400, StorageError, "NeverHeardOf (HTTP 400)"),
        ("SlowDown", 503, StorageBusy, "too busy"),
        ("", 429, StorageBusy, "too busy"),
        ("ServiceUnavailable", 503, StorageBusy, "too busy"),
        ("InternalError", 500, StorageUnavailable, "failed"),
        ("RequestTimeout", 400, StorageUnavailable, "tried again"),
        ("BadDigest", 400, StorageUnavailable, "other bytes"),
        ("PreconditionFailed", 412, StorageChanged, "changed"),
        ("412", 412, StorageChanged, "changed"),
    ],
)
def test_every_answer_has_its_kind(code: str, status: int, kind: type[StorageError], says: str) -> None:
    answer = {"Error": {"Code": code, "Message": "geheim"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    told = store_error(answer, ADDRESS)
    assert type(told) is kind
    assert says in told.detail
    assert "geheim" not in told.detail


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("SignatureDoesNotMatch", Fault.CREDENTIALS),
        ("ExpiredToken", Fault.CREDENTIALS),
        ("InvalidToken", Fault.CREDENTIALS),
        ("403", Fault.PERMISSION),
        ("NoSuchBucket", Fault.NOT_FOUND),
        ("404", Fault.NOT_FOUND),
        ("KeyTooLongError", Fault.NAME),
        ("XMinioStorageFull", Fault.SPACE),
        ("SlowDown", Fault.STORE),
        ("NeverHeardOf", Fault.STORE),
    ],
)
def test_every_answer_has_its_class(code: str, fault: Fault) -> None:
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    assert store_error(answer, ADDRESS).fault is fault
    assert connection_error(ConnectionResetError(), ADDRESS.endpoint).fault is Fault.NETWORK


def test_a_full_store_is_short_of_space_whatever_its_code() -> None:
    answer = {"Error": {"Code": "OwnWord"}, "ResponseMetadata": {"HTTPStatusCode": 507}}
    assert store_error(answer, ADDRESS).fault is Fault.SPACE


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (
            curl_error(60, "SSL certificate problem: certificate has expired", "x"),
            StorageError,
            "certificate.*expir",
        ),
        (
            curl_error(60, "SSL certificate OpenSSL verify result: unable to get local issuer (20)", "x"),
            StorageError,
            "local issuer\\).*GATEWAY_CA_BUNDLE",
        ),
        (
            curl_error(60, "SSL: no alternative certificate subject name matches target host name 'x'", "x"),
            StorageError,
            "certificate.*not valid for 'x'",
        ),
        (curl_error(77, "error adding trust anchors from file: x", "x"), StorageError, "GATEWAY_CA_BUNDLE"),
        (
            curl_error(35, "TLS connect error: ...::wrong version number", "x"),
            StorageError,
            "there is no TLS",
        ),
        (curl_error(35, "Recv failure: Connection reset by peer", "x"), StorageUnavailable, "broke"),
        (curl_error(7, "Failed to connect", "x"), StorageUnavailable, "nothing accepts"),
        (curl_error(28, "Connection timed out", "x"), StorageUnavailable, "no answer"),
        (curl_error(56, "bad record mac", "x"), StorageUnavailable, "broke"),
        (curl_error(100, "Too large response headers", "x"), StorageUnavailable, "broke"),
        (ConnectTimeoutError(endpoint_url="x"), StorageUnavailable, "no answer"),
        (ReadTimeoutError(endpoint_url="x"), StorageUnavailable, "stopped sending"),
        (ConnectionResetError(), StorageUnavailable, "broke"),
        (HTTPClientError(error=StorageError("judged")), StorageError, "judged"),
    ],
)
def test_every_failure_on_the_way_has_its_kind(error: Exception, kind: type[StorageError], says: str) -> None:
    told = connection_error(error, ADDRESS.endpoint)
    assert type(told) is kind
    assert re.search(says, told.detail)
