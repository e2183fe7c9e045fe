"""The egress policy (SSRF): connect to public addresses, and to private ones that the operator lists."""

import socket
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from gateway.allow_list import Address, parse_entry
from gateway.errors import Fault, Invalid, StorageError, StorageUnavailable

STORES = "GATEWAY_ALLOWED_ENDPOINTS"
DEFAULT_PORTS = {"http": 80, "https": 443, "ftp": 21}
_LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
# Never public; the tables in `ipaddress` differ between versions of Python.
_INNER = tuple(
    ip_network(network)
    for network in (
        "100.64.0.0/10",
        "168.63.129.16/32",  # the service of Azure for its own machines
        "192.0.0.0/24",  # protocols' own, and a metadata service of Oracle's
        "64:ff9b:1::/48",
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",
    )
)
# Networks of addresses that carry an IPv4 address in their last 32 bits.
_TRANSLATED = (ip_network("64:ff9b::/96"), ip_network("::/96"))


class AllowList(NamedTuple):
    """The entries that the operator allows beside public addresses, and the setting that holds them."""

    entries: Sequence[str]
    setting: str = STORES


def check_endpoint(
    url: str,
    allowed: Sequence[str],
    field: str,
    schemes: Sequence[str] = ("http", "https"),
    setting: str = STORES,
) -> None:
    """Judge a URL by its text alone, before any name is resolved.

    Raises
    ------
    Invalid
        When it is no URL of these schemes, holds credentials, or names a host that is not public.
    """
    parts = _split(url, field)
    host, port = _host(parts, schemes, field), port_of(parts)
    address = literal_address(host)
    if address is not None and not _may_connect(host, port, address, allowed):
        raise Invalid(_refusal(host, port, [address], setting), field=field)
    if address is None and _is_localhost(host) and not _allows_loopback(host, port, allowed):
        raise Invalid(_refusal(host, port, [], setting), field=field)


def port_of(parts: SplitResult) -> int | None:
    """Return the port of a split URL, or the default port of its scheme."""
    return parts.port or DEFAULT_PORTS.get(parts.scheme)


def resolve(host: str, port: int, allowed: Sequence[str], setting: str = STORES) -> list[str]:
    """Return the addresses of the host that may be connected to, the resolver's favourite first.

    The connection must use exactly these: a second look-up may have another answer.

    Raises
    ------
    StorageError
        When the name does not exist or has no address that is allowed.
    StorageUnavailable
        When the resolver does not answer at the moment.
    """
    found = _look_up(host, port)
    good = [str(address) for address in found if _may_connect(host, port, address, allowed)]
    if not good:
        raise StorageError(_refusal(host, port, found, setting), Fault.PERMISSION)
    return good


def check_connection(host: str, number: str, port: int, allowed: Sequence[str]) -> None:
    """Raise StorageError unless this address of the host may be connected to at that port."""
    address = ip_address(number)
    if not _may_connect(host, port, address, allowed):
        raise StorageError(_refusal(host, port, [address]), Fault.PERMISSION)


def _split(url: str, field: str) -> SplitResult:
    """Split the URL, or raise Invalid for spaces, control characters and a bad port."""
    if " " in url or not url.isprintable():  # no other white space is printable
        raise Invalid("a URL holds no spaces and no control characters", field=field)
    try:
        parts = urlsplit(url)
        _ = parts.port  # judged when it is read
    except ValueError as error:
        raise Invalid("this is not a URL", field=field) from error
    return parts


def _host(parts: SplitResult, schemes: Sequence[str], field: str) -> str:
    """Return the host, or raise Invalid for another scheme, credentials or a missing host."""
    if parts.scheme not in schemes:
        raise Invalid(
            f"a URL that starts with {' or '.join(s + '://' for s in schemes)} is needed", field=field
        )
    if parts.username is not None or parts.password is not None:
        raise Invalid("a URL with a user name or a password in it is not accepted", field=field)
    if not parts.hostname:
        raise Invalid("the URL names no host", field=field)
    return parts.hostname


@lru_cache(maxsize=1024)
def literal_address(host: str) -> Address | None:
    """Return the address that the text means, in any of the spellings that the C library accepts."""
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))  # 127.1, 0x7f000001, 2130706433
    except (OSError, UnicodeEncodeError):
        return None


def _look_up(host: str, port: int) -> list[Address]:
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            raise StorageUnavailable(
                f"the name {host} cannot be resolved at the moment; it is tried again", Fault.NETWORK
            ) from error
        raise StorageError(f"there is no host named {host}: check the endpoint", Fault.NAME) from error
    except (UnicodeError, OverflowError) as error:
        raise StorageError(f"{host} is not a host name: check the endpoint", Fault.NAME) from error
    return [ip_address(str(answer[4][0])) for answer in answers]


def _is_localhost(host: str) -> bool:
    name = host.rstrip(".").lower()
    return name == "localhost" or name.endswith(".localhost")


def _allows_loopback(host: str, port: int | None, allowed: Sequence[str]) -> bool:
    entries = map(parse_entry, allowed)
    return any(entry.allows_name(host, port) or entry.overlaps(_LOOPBACK, port) for entry in entries)


def _may_connect(host: str, port: int | None, address: Address, allowed: Sequence[str]) -> bool:
    if _is_public(address):
        return True
    addresses = (_embedded(address) or address, address)
    entries = map(parse_entry, allowed)
    return any(entry.allows_name(host, port) or entry.allows_address(addresses, port) for entry in entries)


def _is_public(address: Address) -> bool:
    plain = _embedded(address) or address
    odd = plain.is_multicast or plain.is_reserved or plain.is_unspecified or plain.is_link_local
    return plain.is_global and not odd and not any(plain in network for network in _INNER)


def _embedded(address: Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 address stands for, if it stands for one."""
    if isinstance(address, IPv4Address):
        return None
    if address.teredo is not None:
        return address.teredo[1]
    if address.ipv4_mapped is not None or address.sixtofour is not None:
        return address.ipv4_mapped or address.sixtofour
    is_translated = int(address) > 1 and any(address in network for network in _TRANSLATED)
    return IPv4Address(int(address) & 0xFFFFFFFF) if is_translated else None


def _refusal(host: str, port: int | None, addresses: Sequence[Address], setting: str = STORES) -> str:
    numbers = [str(address) for address in addresses if str(address) != host]
    where = f"{host} ({', '.join(numbers)})" if numbers else host
    return (
        f"{where} is not a public address, and the gateway connects to others only when its operator "
        f"lists them in {setting}, with port {port} or without a port"
    )
