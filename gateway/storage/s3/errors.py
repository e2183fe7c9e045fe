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
from gateway.errors import Fault, StorageBusy, StorageError, StorageUnavailable
from gateway.storage.address import S3Address
from gateway.storage.answer_headers import retry_after_s
from gateway.storage.s3.error_codes import (
    BUSY_CODES,
    CODE_FAULTS,
    CODE_OF_STATUS,
    KINDS,
    MISSING,
    OF_REGION,
    SAME_AS,
    SENTENCES,
    TRANSIENT_CODES,
    UNUSABLE,
)
from gateway.storage.s3.routing import named_region, refuses_region
from gateway.storage.s3.xml_check import error_body

_ERRORS: Any = RestXMLParser()
_BUSY_STATUS = frozenset({429, 503})
_SERVER_ERROR = 500
_BAD_REQUEST, _NOT_IMPLEMENTED = 400, 501
_NO_HEAD = frozenset({405, _NOT_IMPLEMENTED})
_WRONG_BYTES = re.compile("digest|mismatch", re.IGNORECASE)  # in the code of a refused body
# The answers of nginx and of servers in Go.
_PLAIN_TO_TLS = re.compile(rb"plain HTTP request was sent to HTTPS port|HTTP request to an HTTPS server")


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
        raise StorageError(UNUSABLE.format(address=address), Fault.NAME) from None


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
    code = "AuthorizationHeaderMalformed" if refuses_region(response) else _common_code(raw_code)
    code = code if code in SENTENCES else CODE_OF_STATUS.get(status, code)
    if code in SENTENCES:
        sentence = SENTENCES[code].format(address=address, object=_describe(address))
        hints = f"{_describe_region(response, code)}{_describe_endpoint(address, code)}"
        return KINDS.get(code, StorageError)(f"{sentence}{hints}", CODE_FAULTS.get(code))
    if code in BUSY_CODES or status in _BUSY_STATUS:
        told = f"the store at {address.endpoint} is too busy ({raw_code}); it is tried again"
        headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        return StorageBusy(told, after_s=retry_after_s(headers))
    if status >= _SERVER_ERROR or code in TRANSIENT_CODES:
        return StorageUnavailable(f"the store at {address.endpoint} failed ({raw_code}); it is tried again")
    return StorageError(
        f"the store at {address.endpoint} refused {_describe(address)}: {raw_code} (HTTP {status}):"
        " check endpoint, region, bucket and object, or ask the store's operator"
    )


def parse_error(answer: Response, endpoint: str) -> Any:
    """Return the store's description of an error, as boto3 does; of a long one that of its status."""
    raw = answer.read_start(ERROR_BYTES + 1)
    if _PLAIN_TO_TLS.search(raw):
        return {"Error": {"Code": "HttpsNeeded"}, "ResponseMetadata": {"HTTPStatusCode": answer.status}}
    body = error_body(raw, endpoint)
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


def _common_code(code: str) -> str:
    """Return the code under which the tables know it: stores have several words for a thing."""
    return "KMS" if code.startswith("KMS.") else SAME_AS.get(code, code)


def _status_of(response: Any) -> int:
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def refuses_checksum(response: Any) -> bool:
    """Return whether the store may have refused a checksum that it does not know, under whatever code."""
    status, code = _status_of(response), code_of(response)
    is_final = _common_code(code) in SENTENCES or refuses_region(response)
    has_reason = is_final or code in TRANSIENT_CODES or _WRONG_BYTES.search(code)
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
    region = named_region(response) if code in OF_REGION else ""
    return f"; the store names the region {region!r}" if region else ""


def _describe_endpoint(address: S3Address, code: str) -> str:
    """Return a hint where the bucket stands in the endpoint as well, as consoles of stores show it."""
    store = urlsplit(address.endpoint)
    is_twice = (
        f"//{store.netloc}".startswith(f"//{address.bucket}.") or store.path.strip("/") == address.bucket
    )
    return (
        "; the endpoint names the bucket as well: leave it out there" if is_twice and code in MISSING else ""
    )


def _describe(address: S3Address) -> str:
    return f"object {address.key!r} in bucket {address.bucket!r}"
