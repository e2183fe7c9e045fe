"""What goes wrong on a connection, by libcurl's numbers, as what botocore calls it."""

import re

import pycurl
from botocore.exceptions import (
    BotoCoreError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    SSLError,
)

_UNREACHED = frozenset({pycurl.E_COULDNT_CONNECT, pycurl.E_COULDNT_RESOLVE_HOST, pycurl.E_URL_MALFORMAT})
_TLS = frozenset({pycurl.E_SSL_CONNECT_ERROR, pycurl.E_SSL_CIPHER, pycurl.E_SSL_CERTPROBLEM})
_VERDICT = re.compile(r"certificate (?:problem|OpenSSL verify result): ([\w ,-]*\w)")
_NOT_TLS = ("wrong version number", "packet length too long", "http request")


class Distrusted(Exception):
    """The server is there, and is not to be trusted: what is wrong, without more than names."""


def trouble(number: int, told: str, host: str) -> BotoCoreError:
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
