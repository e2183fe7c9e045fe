"""The allow-list of endpoints: hosts, addresses and networks, each with one port or with all of them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_BRACKETED = re.compile(r"\[([^\[\]]+)\](/[0-9]+)?(?::([0-9]+))?")
_WITH_PORT = re.compile(r"(.+):([0-9]+)")
_NAME = re.compile(r"[\w.-]+")
_LAST_PORT = 65535
_EXPECTED = "expected host, host:port, address, [IPv6]:port, network or network:port"


@dataclass(frozen=True)
class AllowedEndpoint:
    """An entry: a host name or a network (an address is one), and its port; None allows all ports."""

    name: str
    network: Network | None
    port: int | None

    def allows_name(self, host: str, port: int | None) -> bool:
        """Return whether the entry is this host by name, with this port."""
        return self.network is None and self._has_port(port) and _fold(host) == self.name

    def allows_address(self, addresses: Iterable[Address], port: int | None) -> bool:
        """Return whether one of the addresses lies in the entry's network, with this port."""
        network = self.network
        return network is not None and self._has_port(port) and any(each in network for each in addresses)

    def overlaps(self, networks: Iterable[Network], port: int | None) -> bool:
        """Return whether the entry allows an address of one of the networks, with this port."""
        own = self.network
        return (
            own is not None
            and self._has_port(port)
            and any(own.version == each.version and own.overlaps(each) for each in networks)
        )

    def _has_port(self, port: int | None) -> bool:
        return self.port is None or self.port == port


@lru_cache(maxsize=1024)
def parse_entry(text: str) -> AllowedEndpoint:
    """Return the entry that the text means, or raise ValueError.

    A number after the last colon is a port, unless the whole text is an IPv6 address; brackets part the two.
    """
    if bracketed := _BRACKETED.fullmatch(text):
        inside = bracketed[1] + (bracketed[2] or "")
        network = _network(inside)
        if not isinstance(network, IPv6Network):
            raise ValueError(f"{text!r}: {inside!r} is no IPv6 address or network; {_EXPECTED}")
        return AllowedEndpoint("", network, _port(text, bracketed[3]))
    whole = _network(text)
    if whole is not None:
        return AllowedEndpoint("", whole, None)
    with_port = _WITH_PORT.fullmatch(text)
    host, port = (with_port[1], _port(text, with_port[2])) if with_port else (text, None)
    network = _network(host)
    if network is None and not _NAME.fullmatch(host):
        raise ValueError(f"{text!r} is no endpoint; {_EXPECTED}")
    return AllowedEndpoint("" if network else _fold(host), network, port)


def _port(text: str, digits: str | None) -> int | None:
    if digits is None:
        return None
    if not 0 < int(digits) <= _LAST_PORT:
        raise ValueError(f"{text!r}: a port is a number from 1 to {_LAST_PORT}")
    return int(digits)


def _network(text: str) -> Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _fold(host: str) -> str:
    return host.rstrip(".").lower()


def check_entries(texts: list[str]) -> list[str]:
    """Return the entries as they are, or raise ValueError for one that is malformed."""
    for text in texts:
        parse_entry(text)
    return texts


def check_entries_with_port(texts: list[str]) -> list[str]:
    """Return the entries as they are, or raise ValueError for one that is malformed or names no port."""
    for text in texts:
        if parse_entry(text).port is None:
            raise ValueError(f"{text!r} names no port; expected host:port, [IPv6]:port or network:port")
    return texts


def without_port(texts: Iterable[str]) -> list[str]:
    """Return the entries that allow every port of their host."""
    return [text for text in texts if parse_entry(text).port is None]
