"""The hosts that the operator lists beside public ones, in the OpenAPI document's patterns of URLs.

With accounts the document, which needs none, names no host of a list: there it takes any address.
"""

from collections.abc import Sequence
from ipaddress import IPv4Network

from api.schemas.patterns import HOOK_URL, PORT, SOURCE_URL, STORE_URL, with_hosts
from gateway.allow_list import AllowedEndpoint, parse_entry
from gateway.settings import Settings

_ANY = {4: r"[0-9]{1,3}(\.[0-9]{1,3}){3}", 6: r"\[[0-9A-Fa-f:.]+\]"}


def listed_patterns(settings: Settings) -> dict[str, str]:
    """Return the patterns of URLs that the operator's lists extend, with their longer forms."""
    names = settings.auth == "none"
    stores = _hosts(settings.allowed_endpoints, names=names)
    hooks = _hosts(settings.webhook_hosts, names=names)
    lists = {STORE_URL: stores, SOURCE_URL: stores, HOOK_URL: hooks}
    return {pattern: with_hosts(pattern, hosts) for pattern, hosts in lists.items() if hosts}


def _hosts(entries: Sequence[str], *, names: bool) -> list[str]:
    if entries and not names:
        return [f"{address}(:{PORT})?" for address in _ANY.values()]
    return [_host(entry) + _port(entry) for entry in map(parse_entry, entries)]


def _host(entry: AllowedEndpoint) -> str:
    """Return the pattern of an entry's hosts; of a network's addresses it takes those of all networks."""
    if entry.network is None:
        return entry.name.replace(".", r"\.")
    address = entry.network.network_address
    if entry.network.prefixlen < entry.network.max_prefixlen:
        return _ANY[entry.network.version]
    text = str(address).replace(".", r"\.")
    return text if isinstance(entry.network, IPv4Network) else rf"\[{text}\]"


def _port(entry: AllowedEndpoint) -> str:
    return f"(:{PORT})?" if entry.port is None else f":{entry.port}"
