"""Errors of an S3 store: its codes as sentences that a user can act on."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.parsers import ResponseParserError, RestXMLParser

from gateway.egress.bounds import CODE_CHARS, ERROR_BYTES
from gateway.egress.pool import Response
from gateway.errors import Fault, StorageBusy, StorageChanged, StorageError, StorageUnavailable
from gateway.storage.address import S3Address
from gateway.storage.s3.routing import named_region
from gateway.storage.s3.xml_check import error_body

_FINAL = {
    "InvalidAccessKeyId": "the store does not know this access key: check access_key, and session_token of"
    " temporary keys",
    "SignatureDoesNotMatch": "the secret key does not belong to the access key: check secret_key",
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
    "InvalidObjectState": "the object is archived: restore it in the store first",
    "EntityTooLarge": "the store does not accept objects of this size",
    "QuotaExceeded": "the bucket's quota is used up: free some space in the store and retry",
    "BadDigest": "the store received other bytes than were sent",
    "PreconditionFailed": "the object was changed while it was read",
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
    "RequestTimeTooSkewed": Fault.CREDENTIALS,
}
_SAME_AS = {
    "InvalidSecurity": "SignatureDoesNotMatch",
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
    "413": "EntityTooLarge",
    "RequestExpired": "RequestTimeTooSkewed",
    "TokenRefreshRequired": "ExpiredToken",
    "XMinioStorageFull": "QuotaExceeded",
    "XAmzContentSHA256Mismatch": "BadDigest",
    "InvalidDigest": "BadDigest",
}
_OF_REGION = frozenset(
    {"AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException"}
)
_BY_STATUS = {501: "NotImplemented", 505: "NotImplemented", 507: "QuotaExceeded"}  # of any code
# Worth another attempt although the code sounds final: the bytes may arrive whole, the object may rest.
_KINDS: dict[str, type[StorageError]] = {
    "BadDigest": StorageUnavailable,
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
_NOT_IMPLEMENTED = 501
_UNKNOWN_CHECKSUM = frozenset({"InvalidRequest", "InvalidArgument", "NotImplemented"})
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
    raw_code, status = code_of(response), _status_of(response)
    code = _SAME_AS.get(raw_code, raw_code)
    code = code if code in _FINAL else _BY_STATUS.get(status, code)
    if code in _FINAL:
        sentence = _FINAL[code].format(address=address, object=_describe(address)) + _describe_region(
            response, code
        )
        return _KINDS.get(code, StorageError)(sentence, _FAULTS.get(code))
    if code in _BUSY or status in _BUSY_STATUS:
        return StorageBusy(f"the store at {address.endpoint} is too busy ({raw_code}); it is tried again")
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
    """Return whether the store may have refused a checksum that it does not know."""
    return _status_of(response) == _NOT_IMPLEMENTED or code_of(response) in _UNKNOWN_CHECKSUM


def _describe_region(response: Any, code: str) -> str:
    region = named_region(response) if code in _OF_REGION else ""
    return f"; the store names the region {region!r}" if region else ""


def _describe(address: S3Address) -> str:
    return f"object {address.key!r} in bucket {address.bucket!r}"
