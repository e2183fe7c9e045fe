"""Errors of connections: libcurl's numbers and socket errors as sentences that a user can act on."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pycurl

from gateway.egress.curl import Origin
from gateway.errors import Fault, StorageError, StorageUnavailable

_UNREACHED = frozenset({pycurl.E_COULDNT_CONNECT, pycurl.E_COULDNT_RESOLVE_HOST, pycurl.E_URL_MALFORMAT})
_TLS = frozenset({pycurl.E_SSL_CONNECT_ERROR, pycurl.E_SSL_CIPHER, pycurl.E_SSL_CERTPROBLEM})
_VERDICT = re.compile(r"certificate (?:problem|OpenSSL verify result): ([\w ,-]*\w)")
_NOT_TLS = ("wrong version number", "packet length too long", "http request")


def curl_error(number: int, message: str, origin: Origin) -> StorageError:
    """Return the error for a number of libcurl's; its only time-out is that of connecting."""
    if number == pycurl.E_OPERATION_TIMEDOUT:
        return _unavailable(f"no answer when connecting to {origin.url}")
    if number in _UNREACHED:
        return _unavailable(f"nothing accepts connections at {origin.url}")
    if number == pycurl.E_PEER_FAILED_VERIFICATION:
        return _untrusted(origin, _certificate_flaw(message, origin.host))
    if number == pycurl.E_SSL_CACERT_BADFILE:
        return _untrusted(origin, "the file of authorities cannot be read")
    if number in _TLS and any(words in message.lower() for words in _NOT_TLS):
        return _untrusted(origin, "there is no TLS")
    return broken_connection(origin.url)


def broken_connection(server: str) -> StorageUnavailable:
    """Return the error for a connection that ended too early."""
    return _unavailable(f"the connection to {server} broke")


def silent_server(server: str) -> StorageUnavailable:
    """Return the error for a server that sent nothing for too long."""
    return _unavailable(f"{server} stopped sending")


@contextmanager
def socket_errors(server: str) -> Iterator[None]:
    """Turn errors of sockets to the server into StorageUnavailable."""
    try:
        yield
    except TimeoutError as error:
        raise silent_server(server) from error
    except (OSError, EOFError) as error:
        raise broken_connection(server) from error


def _unavailable(trouble: str) -> StorageUnavailable:
    return StorageUnavailable(f"{trouble}; it is tried again", Fault.NETWORK)


def _untrusted(origin: Origin, flaw: str) -> StorageError:
    return StorageError(
        f"the certificate of {origin.url} cannot be verified ({flaw}): check the address,"
        " or ask the gateway's operator to trust its issuer (GATEWAY_CA_BUNDLE)",
        Fault.NETWORK,
    )


def _certificate_flaw(message: str, host: str) -> str:
    """Return OpenSSL's verdict on a certificate; without one, the certificate is another host's."""
    verdict = _VERDICT.search(message)
    return verdict[1] if verdict else f"it is not valid for {host!r}"
