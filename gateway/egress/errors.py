"""Errors of connections: libcurl's numbers and socket errors as sentences that a user can act on."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pycurl

from gateway.egress.curl import Origin
from gateway.errors import Fault, StorageError, StorageSlow, StorageUnavailable

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


def unanswering_server(server: str, waited_s: float) -> StorageUnavailable:
    """Return the error for a server that does not begin, or not end, an answer in time."""
    return _unavailable(f"{server} has not answered within {waited_s:g} s")


def too_large_answer(server: str, found: str) -> StorageError:
    """Return the error for an answer of which a part exceeds its bound."""
    return StorageError(f"{server} answers with {found}: check the address")


def slow_server(server: str, moved: int, waited_s: float) -> StorageSlow:
    """Return the error for a server below the least rate."""
    return StorageSlow(
        f"{server} has moved {moved} bytes in {waited_s:g} s of waiting, below the least rate"
        " (GATEWAY_LEAST_RATE_BYTES_PER_S); it is tried again",
        Fault.NETWORK,
    )


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
