"""Errors of stores and connections: their class, their fault and their sentence."""

import re
from dataclasses import replace

import pytest
from botocore.exceptions import NoRegionError, ParamValidationError

from gateway.egress.curl import Origin
from gateway.egress.errors import curl_error, socket_errors
from gateway.errors import Fault, StorageBusy, StorageChanged, StorageError, StorageUnavailable
from gateway.storage.address import S3Address
from gateway.storage.s3.errors import refuses_checksum, store_error, store_errors

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
        ("", 404, StorageError, "no object"),  # a page of a web server or a proxy
        ("", 403, StorageError, "no permission"),
        ("", 502, StorageUnavailable, "failed (502)"),
        ("SecurityTokenExpired", 403, StorageError, "have expired"),
        ("UserSuspended", 403, StorageError, "refuses this account"),
        ("XMinioAdminBucketQuotaExceeded", 400, StorageError, "quota"),
        ("XAmzContentChecksumMismatch", 400, StorageUnavailable, "other bytes"),
        ("InvalidRegionName", 400, StorageError, "region 'eu-1'"),
        ("RequestTimeTooSkewed", 403, StorageError, "clocks"),
        ("AuthorizationHeaderMalformed", 400, StorageError, "region 'eu-1'"),
        ("PermanentRedirect", 301, StorageError, "another region or endpoint"),
        ("EntityTooLarge", 400, StorageError, "of this size"),
        ("413", 413, StorageError, "or a proxy before it, does not accept requests of this size"),
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


@pytest.mark.parametrize("endpoint", ["https://box.s3.example.org", "https://s3.example.org/box/"])
def test_a_bucket_that_the_endpoint_names_as_well_is_told(endpoint: str) -> None:
    answer = {"Error": {"Code": "NoSuchKey"}, "ResponseMetadata": {"HTTPStatusCode": 404}}
    assert "leave it out there" in store_error(answer, replace(ADDRESS, endpoint=endpoint)).detail
    assert "leave it out" not in store_error(answer, ADDRESS).detail


@pytest.mark.parametrize(
    ("code", "status", "refuses"),
    [
        *((code, 400, True) for code in ("InvalidArgument", "InvalidRequest", "MalformedXML", "Odd", "")),
        *((code, 400, False) for code in ("BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch")),
        *(
            (code, 400, False)
            for code in ("ContentMismatch", "ExpiredToken", "RequestTimeout", "NoSuchBucket")
        ),
        *((code, 400, False) for code in ("InvalidRegionName", "AuthorizationHeaderMalformed")),
        *((code, 403, False) for code in ("AccessDenied", "InvalidRequest", "")),
        *((code, 501, True) for code in ("NotImplemented", "")),
    ],
)
def test_a_refusal_of_a_checksum_has_no_other_reason(code: str, status: int, *, refuses: bool) -> None:
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    assert bool(refuses_checksum(answer)) is refuses


def test_a_full_store_is_short_of_space_whatever_its_code() -> None:
    answer = {"Error": {"Code": "OwnWord"}, "ResponseMetadata": {"HTTPStatusCode": 507}}
    assert store_error(answer, ADDRESS).fault is Fault.SPACE


@pytest.mark.parametrize(
    ("number", "message", "kind", "says"),
    [
        (60, "SSL certificate problem: certificate has expired", StorageError, "certificate.*expir"),
        (
            60,
            "SSL certificate OpenSSL verify result: unable to get local issuer (20)",
            StorageError,
            "local issuer\\).*GATEWAY_CA_BUNDLE",
        ),
        (
            60,
            "SSL: no alternative certificate subject name matches target host name 'x'",
            StorageError,
            "certificate.*not valid for 'x'",
        ),
        (77, "error adding trust anchors from file: x", StorageError, "GATEWAY_CA_BUNDLE"),
        (35, "TLS connect error: ...::wrong version number", StorageError, "there is no TLS"),
        (35, "Recv failure: Connection reset by peer", StorageUnavailable, "broke"),
        (7, "Failed to connect", StorageUnavailable, "nothing accepts"),
        (28, "Connection timed out", StorageUnavailable, "no answer"),
        (56, "bad record mac", StorageUnavailable, "broke"),
        (100, "Too large response headers", StorageUnavailable, "broke"),
    ],
)
def test_every_failure_of_libcurl_has_its_kind(
    number: int, message: str, kind: type[StorageError], says: str
) -> None:
    error = curl_error(number, message, Origin("https", "x", 8443))
    assert (type(error), error.fault) == (kind, Fault.NETWORK)
    assert re.search(says, error.detail)
    assert "https://x:8443" in error.detail


@pytest.mark.parametrize(
    ("error", "says"), [(ConnectionResetError(), "broke"), (EOFError(), "broke"), (TimeoutError(), "stopped")]
)
def test_every_failure_of_a_socket_has_its_kind(error: Exception, says: str) -> None:
    with pytest.raises(StorageUnavailable, match=says) as caught, socket_errors("ftp://x"):
        raise error
    assert caught.value.fault is Fault.NETWORK


@pytest.mark.parametrize(
    ("error", "kind", "fault", "says"),
    [
        (ParamValidationError(report="x"), StorageError, Fault.NAME, "check both"),
        (
            NoRegionError(),
            StorageUnavailable,
            Fault.NETWORK,
            "could not be used.*NoRegionError",
        ),
    ],
)
def test_every_failure_of_boto3_has_its_kind(
    error: Exception, kind: type[StorageError], fault: Fault, says: str
) -> None:
    with pytest.raises(StorageError, match=says) as caught, store_errors(ADDRESS):
        raise error
    assert (type(caught.value), caught.value.fault) == (kind, fault)
