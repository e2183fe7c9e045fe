"""Errors of connections: libcurl's numbers and botocore's exceptions as sentences that a user can act on."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pycurl
from botocore.exceptions import (
    BotoCoreError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ParamValidationError,
    ReadTimeoutError,
    SSLError,
)

from gateway.errors import Fault, GatewayError, StorageError, StorageUnavailable

_UNREACHED = frozenset({pycurl.E_COULDNT_CONNECT, pycurl.E_COULDNT_RESOLVE_HOST, pycurl.E_URL_MALFORMAT})
_TLS = frozenset({pycurl.E_SSL_CONNECT_ERROR, pycurl.E_SSL_CIPHER, pycurl.E_SSL_CERTPROBLEM})
_VERDICT = re.compile(r"certificate (?:problem|OpenSSL verify result): ([\w ,-]*\w)")
_NOT_TLS = ("wrong version number", "packet length too long", "http request")


class Distrusted(Exception):
    """The server is there, and is not to be trusted: what is wrong, without more than names."""


def curl_error(number: int, told: str, host: str) -> BotoCoreError:
    """Return the error that libcurl's number means. Nothing else is timed by libcurl than connecting."""
    if number == pycurl.E_OPERATION_TIMEDOUT:
        return ConnectTimeoutError(endpoint_url=host, error=told)
    if number in _UNREACHED:
        return EndpointConnectionError(endpoint_url=host, error=told)
    if number == pycurl.E_PEER_FAILED_VERIFICATION:
        return SSLError(endpoint_url=host, error=Distrusted(_flaw(told, host)))
    if number == pycurl.E_SSL_CACERT_BADFILE:
        return SSLError(endpoint_url=host, error=Distrusted("the file of authorities cannot be read"))
    if number in _TLS:
        is_plain = any(words in told.lower() for words in _NOT_TLS)
        return SSLError(endpoint_url=host, error=Distrusted("there is no TLS") if is_plain else OSError(told))
    return ConnectionClosedError(endpoint_url=host, error=told)


def _flaw(told: str, host: str) -> str:
    """Return what is wrong with a certificate: the verdict of OpenSSL, or that it is another host's."""
    verdict = _VERDICT.search(told)
    return verdict[1] if verdict else f"it is not valid for {host!r}"


@contextmanager
def connection_errors(where: str) -> Iterator[None]:
    """Turn what goes wrong in the block on the way to `where` into StorageError or StorageUnavailable."""
    try:
        yield
    except (BotoCoreError, OSError, EOFError) as error:
        raise connection_error(error, where) from error


def connection_error(error: Exception, where: str) -> GatewayError:
    """Return what to tell the user about a failure on the way to a store or another server."""
    inner = getattr(error, "kwargs", {}).get("error")
    if isinstance(inner, GatewayError):
        return inner
    if isinstance(error, SSLError) and (flaw := _flaw_of_tls(inner)):
        return StorageError(
            f"the certificate of {where} cannot be verified ({flaw}): check the address,"
            " or ask the gateway's operator to trust its issuer (GATEWAY_CA_BUNDLE)",
            Fault.NETWORK,
        )
    if isinstance(error, ParamValidationError):
        return StorageError("the store's client refuses bucket or object: check both", Fault.NAME)
    return StorageUnavailable(f"{_trouble(error).format(where=where)}; it is tried again", Fault.NETWORK)


def _flaw_of_tls(error: object) -> str:
    """Return what is wrong with a server's TLS; empty when it is just the way there that broke."""
    return str(error) if isinstance(error, Distrusted) else ""


def _trouble(error: Exception) -> str:
    if isinstance(error, ConnectTimeoutError):
        return "no answer when connecting to {where}"
    if isinstance(error, EndpointConnectionError):
        return "nothing accepts connections at {where}"
    if isinstance(error, ReadTimeoutError | TimeoutError):
        return "{where} stopped sending"
    if isinstance(error, ConnectionClosedError | HTTPClientError | OSError | EOFError):
        return "the connection to {where} broke"
    return f"{{where}} could not be used ({type(error).__name__})"
