"""Options of libcurl: those that all requests to an origin share.

Nothing of the environment counts (proxies, a netrc file, the system's authorities), no redirect is followed,
and no other protocol is spoken than the one of the URL.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

import pycurl

from gateway.egress.policy import DEFAULT_PORTS
from gateway.settings import Settings

_RECEIVED_BYTES = 2 << 20  # at once, at most; libcurl passes it on in pieces of 16 KiB
_SENT_BYTES = 1 << 20
_USER_AGENT = "hpc-gateway"
_PROTOCOLS = {"http": pycurl.PROTO_HTTP, "https": pycurl.PROTO_HTTPS}


class Origin(NamedTuple):
    """Scheme, host (in ASCII) and port of a server."""

    scheme: str
    host: str
    port: int

    @property
    def netloc(self) -> str:
        """Host and port, as in a `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL, to which a path can be added."""
        return f"{self.scheme}://{self.netloc}"


def origin_and_target(url: str) -> tuple[Origin, str]:
    """Return the origin of a URL, and the target of a request for it."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not host.isascii():
        with suppress(UnicodeError):  # the resolver refuses it too
            host = host.encode("idna").decode()
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    if not (target.isascii() and target.isprintable()) or " " in target:
        raise ValueError("a URL's path and query are printable ASCII without spaces")
    return Origin(parts.scheme, host, parts.port or DEFAULT_PORTS[parts.scheme]), target


@dataclass(frozen=True)
class Account:
    """The account that libcurl signs for. Its printed form shows no keys."""

    region: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)


def new_handle(origin: Origin, addresses: Sequence[str], settings: Settings, bundle: str) -> pycurl.Curl:
    """Return a handle that connects to these addresses of the origin, to the first that answers."""
    easy = pycurl.Curl()
    for option, value in (
        (pycurl.NOSIGNAL, 1),
        (pycurl.PROXY, ""),
        (pycurl.NOPROXY, "*"),
        (pycurl.NETRC, pycurl.NETRC_IGNORED),
        (pycurl.FOLLOWLOCATION, 0),
        (pycurl.PROTOCOLS, _PROTOCOLS[origin.scheme]),
        (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
        (pycurl.HTTP09_ALLOWED, 0),
        (pycurl.ACCEPT_ENCODING, "identity"),
        (pycurl.HTTP_CONTENT_DECODING, 0),
        (pycurl.USERAGENT, _USER_AGENT),
        (pycurl.CONNECTTIMEOUT_MS, max(1, int(settings.connect_timeout_s * 1000))),
        (pycurl.BUFFERSIZE, _RECEIVED_BYTES),
        (pycurl.UPLOAD_BUFFERSIZE, _SENT_BYTES),
        (pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2),  # or a later one
        (pycurl.SSL_VERIFYPEER, 1),
        (pycurl.SSL_VERIFYHOST, 2),
        (pycurl.CAINFO, bundle),
    ):
        easy.setopt(option, value)
    easy.unsetopt(pycurl.CAPATH)
    if not _is_number(origin.host):
        easy.setopt(pycurl.RESOLVE, [f"{origin.host}:{origin.port}:{','.join(addresses)}"])
    return easy


def sign_for(easy: pycurl.Curl, account: Account | None) -> None:
    """Make libcurl sign for the account from now on, or sign no more."""
    if account is None:
        easy.unsetopt(pycurl.USERNAME)
        easy.unsetopt(pycurl.PASSWORD)
        easy.setopt(pycurl.HTTPAUTH, pycurl.HTTPAUTH_BASIC)
    else:
        easy.setopt(pycurl.USERNAME, account.access_key)
        easy.setopt(pycurl.PASSWORD, account.secret_key.encode())
        easy.setopt(pycurl.AWS_SIGV4, f"aws:amz:{account.region}:s3")


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
