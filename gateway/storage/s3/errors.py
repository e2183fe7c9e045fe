"""Errors of an S3 store: its codes as sentences that a user can act on."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.parsers import ResponseParserError, RestXMLParser

from gateway.egress.bounds import CODE_CHARS, ERROR_BYTES
from gateway.egress.pool import Response
from gateway.errors import Fault, StorageBusy, StorageChanged, StorageError, StorageUnavailable
from gateway.storage.address import S3Address
from gateway.storage.answer_headers import retry_after_s
from gateway.storage.s3.routing import named_region, refuses_region
from gateway.storage.s3.xml_check import error_body

_FINAL = {
    "InvalidAccessKeyId": "the store does not know this access key: check access_key, and session_token of"
    " temporary keys",
    "SignatureDoesNotMatch": "the secret key does not belong to the access key: check secret_key, and that no"
    " proxy before the store changes host or path",
    "ExpiredToken": "these credentials have expired: send a retry with fresh ones",
    "InvalidToken": "the session token is malformed or belongs to other keys: check session_token",
    "AccessDenied": "these credentials have no permission for {object}: ask its owner for it",
    "AllAccessDisabled": "access to {object} is disabled: ask its owner",
    "AccountProblem": "the store refuses this account: ask the store's operator",
    "NoSuchBucket": "there is no bucket {address.bucket!r} at {address.endpoint}: check bucket and endpoint",
    "NoSuchKey": "there is no object {address.key!r} in bucket {address.bucket!r}: check object",
    "InvalidBucketName": "{address.bucket!r} is not a valid bucket name: check bucket",
    "KeyTooLongError": "the object's name is too long for the store: shorten object",
    "RequestTimeTooSkewed": "the clocks of the store and of the gateway differ too much for signed requests:"
    " tell the operators of both",
    "AuthorizationHeaderMalformed": "the store does not serve the region {address.region!r}: check region",
    "PermanentRedirect": "the bucket is served from another region or endpoint: check region and endpoint",
    "IllegalLocationConstraintException": "the bucket lies in another region: check region",
    "PathStyleDomainForbidden": "the store wants the bucket in the host's name, and {address.endpoint} or"
    " {address.bucket!r} cannot have that: check both",
    "InvalidObjectState": "the object is archived: restore it in the store first",
    "EntityTooLarge": "the store does not accept objects of this size",
    "413": "the store, or a proxy before it, does not accept requests of this size: ask its operator to allow"
    " bodies of 8 MiB and more",
    "QuotaExceeded": "the bucket's quota is used up: free some space in the store and retry",
    "BadDigest": "the store received other bytes than were sent",
    "PreconditionFailed": "the object was changed while it was read",
    "InvalidPart": "the store does not find all parts of the upload; they are sent again",
    "NoSuchUpload": "the store has dropped the upload that was under way",
    "NotImplemented": "the server at {address.endpoint} does not offer all that staging needs of an S3 store:"
    " check endpoint",
    "MethodNotAllowed": "the server at {address.endpoint} is no S3 store or forbids this: check endpoint",
}
_UNUSABLE = (
    "no request for {address.endpoint} can be made of these values, or its answer cannot be read: check"
    " access_key, secret_key and region"
)
# Other codes are Fault.STORE.
_FAULTS = {
    "InvalidAccessKeyId": Fault.CREDENTIALS,
    "SignatureDoesNotMatch": Fault.CREDENTIALS,
    "ExpiredToken": Fault.CREDENTIALS,
    "InvalidToken": Fault.CREDENTIALS,
    "AccessDenied": Fault.PERMISSION,
    "AllAccessDisabled": Fault.PERMISSION,
    "AccountProblem": Fault.PERMISSION,
    "NoSuchBucket": Fault.NOT_FOUND,
    "NoSuchKey": Fault.NOT_FOUND,
    "InvalidBucketName": Fault.NAME,
    "KeyTooLongError": Fault.NAME,
    "QuotaExceeded": Fault.SPACE,
    "EntityTooLarge": Fault.SPACE,
    "413": Fault.SPACE,
    "RequestTimeTooSkewed": Fault.CREDENTIALS,
}
_SAME_AS = {
    "InvalidSecurity": "SignatureDoesNotMatch",
    "SecondLevelDomainForbidden": "PathStyleDomainForbidden",
    "VirtualHostDomainRequired": "PathStyleDomainForbidden",
    "SecurityTokenExpired": "ExpiredToken",
    "InvalidSecurityToken": "InvalidToken",
    "InvalidTokenId": "InvalidToken",
    "InvalidClientTokenId": "InvalidAccessKeyId",
    "AccessForbidden": "AccessDenied",
    "Forbidden": "AccessDenied",
    "Unauthorized": "AccessDenied",
    "403": "AccessDenied",
    "401": "AccessDenied",
    "NotFound": "NoSuchKey",
    "404": "NoSuchKey",
    "405": "MethodNotAllowed",
    "412": "PreconditionFailed",
    "301": "PermanentRedirect",
    "302": "PermanentRedirect",
    "307": "PermanentRedirect",
    "308": "PermanentRedirect",
    "TemporaryRedirect": "PermanentRedirect",
    "Redirect": "PermanentRedirect",
    "RequestExpired": "RequestTimeTooSkewed",
    "TokenRefreshRequired": "ExpiredToken",
    "UserSuspended": "AccountProblem",
    "UserDisable": "AccountProblem",
    "XMinioStorageFull": "QuotaExceeded",
    "XMinioAdminBucketQuotaExceeded": "QuotaExceeded",
    "XAmzContentChecksumMismatch": "BadDigest",
    "XAmzContentSHA256Mismatch": "BadDigest",
    "InvalidDigest": "BadDigest",
    "InvalidPartOrder": "InvalidPart",
}
_MISSING = frozenset({"NoSuchBucket", "NoSuchKey"})
_OF_REGION = frozenset(
    {"AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException"}
)
_BY_STATUS = {501: "NotImplemented", 505: "NotImplemented", 507: "QuotaExceeded"}  # of any code
# Worth another attempt although the code sounds final: the bytes may arrive whole, the object may rest.
_KINDS: dict[str, type[StorageError]] = {
    "BadDigest": StorageUnavailable,
    "InvalidPart": StorageUnavailable,
    "NoSuchUpload": StorageUnavailable,
    "PreconditionFailed": StorageChanged,
}
_BUSY = frozenset(
    {
        "SlowDown",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
        "RequestLimitExceeded",
        "503",
        "429",
    }
)
_ERRORS: Any = RestXMLParser()
_BUSY_STATUS = frozenset({429, 503})
_SERVER_ERROR = 500
_BAD_REQUEST, _NOT_IMPLEMENTED = 400, 501
_NO_HEAD = frozenset({405, _NOT_IMPLEMENTED})
_WRONG_BYTES = re.compile("digest|mismatch", re.IGNORECASE)  # in the code of a refused body
_TRANSIENT_CODES = frozenset({"RequestTimeout", "OperationAborted", "InternalError", "IncompleteBody"})


@contextmanager
def store_errors(address: S3Address) -> Iterator[None]:
    """Turn boto3's exceptions in the block into StorageError or StorageUnavailable about `address`.

    A ValueError may quote a key, so it is neither kept as the cause nor told.
    """
    try:
        yield
    except ClientError as error:
        raise store_error(error.response, address) from error
    except BotoCoreError as error:
        raise _client_error(error, address) from error
    except ValueError:
        raise StorageError(_UNUSABLE.format(address=address), Fault.NAME) from None


@contextmanager
def readable_answers(address: S3Address) -> Iterator[None]:
    """Turn an answer that boto3, or the block, cannot read into StorageError."""
    try:
        yield
    except (BotoCoreError, ClientError):
        raise
    except (
        ResponseParserError,
        RuntimeError,  # of a date, and of redirects without an end
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        ArithmeticError,
    ) as error:
        raise StorageError(
            f"the store at {address.endpoint} answers in another form than S3 does"
            f" ({type(error).__name__}): check endpoint"
        ) from error


def store_error(response: Any, address: S3Address) -> StorageError:
    """Return the StorageError for an error answer of the store."""
    status = _status_of(response)
    raw_code = code_of(response) or str(status)  # a page of a web server or a proxy has no code
    code = "AuthorizationHeaderMalformed" if refuses_region(response) else _SAME_AS.get(raw_code, raw_code)
    code = code if code in _FINAL else _BY_STATUS.get(status, code)
    if code in _FINAL:
        sentence = _FINAL[code].format(address=address, object=_describe(address))
        hints = f"{_describe_region(response, code)}{_describe_endpoint(address, code)}"
        return _KINDS.get(code, StorageError)(f"{sentence}{hints}", _FAULTS.get(code))
    if code in _BUSY or status in _BUSY_STATUS:
        told = f"the store at {address.endpoint} is too busy ({raw_code}); it is tried again"
        headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        return StorageBusy(told, after_s=retry_after_s(headers))
    if status >= _SERVER_ERROR or code in _TRANSIENT_CODES:
        return StorageUnavailable(f"the store at {address.endpoint} failed ({raw_code}); it is tried again")
    return StorageError(
        f"the store at {address.endpoint} refused {_describe(address)}: {raw_code} (HTTP {status}):"
        " check endpoint, region, bucket and object, or ask the store's operator"
    )


def parse_error(answer: Response, endpoint: str) -> Any:
    """Return the store's description of an error, as boto3 does; of a long one that of its status."""
    body = error_body(answer.read_start(ERROR_BYTES + 1), endpoint)
    response = {"status_code": answer.status, "headers": answer.headers, "body": body, "context": {}}
    return _ERRORS.parse(response, None)


def _client_error(error: BotoCoreError, address: S3Address) -> StorageError:
    """Return the error for a request that boto3 could not make, or an answer that it could not read."""
    if isinstance(error, ParamValidationError):
        return StorageError("the store's client refuses bucket or object: check both", Fault.NAME)
    return StorageUnavailable(
        f"{address.endpoint} could not be used ({type(error).__name__}); it is tried again", Fault.NETWORK
    )


def code_of(response: Any) -> str:
    """Return the store's code for an error; empty where it has none."""
    error = response.get("Error", {})
    code = error.get("Code", "") if isinstance(error, dict) else ""
    return code[:CODE_CHARS] if isinstance(code, str) else ""


def _status_of(response: Any) -> int:
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def refuses_checksum(response: Any) -> bool:
    """Return whether the store may have refused a checksum that it does not know, under whatever code."""
    status, code = _status_of(response), code_of(response)
    is_final = _SAME_AS.get(code, code) in _FINAL or refuses_region(response)
    has_reason = is_final or code in _TRANSIENT_CODES or _WRONG_BYTES.search(code)
    return status == _NOT_IMPLEMENTED or (status == _BAD_REQUEST and not has_reason)


def refuses_unsigned(response: Any) -> bool:
    """Return whether the store wants the body to be signed, which it says in words alone."""
    error = response.get("Error", {})
    words = str(error.get("Message", "")).lower() if isinstance(error, dict) else ""
    return "unsigned-payload" in words or "content-sha256" in words


def refuses_head(response: Any) -> bool:
    """Return whether the server does not answer HEAD at all."""
    return _status_of(response) in _NO_HEAD


def _describe_region(response: Any, code: str) -> str:
    region = named_region(response) if code in _OF_REGION else ""
    return f"; the store names the region {region!r}" if region else ""


def _describe_endpoint(address: S3Address, code: str) -> str:
    """Return a hint where the bucket stands in the endpoint as well, as consoles of stores show it."""
    store = urlsplit(address.endpoint)
    is_twice = (
        f"//{store.netloc}".startswith(f"//{address.bucket}.") or store.path.strip("/") == address.bucket
    )
    return (
        "; the endpoint names the bucket as well: leave it out there" if is_twice and code in _MISSING else ""
    )


def _describe(address: S3Address) -> str:
    return f"object {address.key!r} in bucket {address.bucket!r}"
