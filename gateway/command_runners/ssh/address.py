"""Address of an SSH server: looked up once, judged, and then the only one that is connected to."""

import socket
from collections.abc import Sequence
from ipaddress import ip_address

from gateway.allow_list import parse_entry
from gateway.clusters.ssh_access import SshAccess
from gateway.command_runners.ssh.errors import SshRefused, SshUnavailable
from gateway.errors import Fault


def pin_address(access: SshAccess, allowed: Sequence[str]) -> str:
    """Return the address to connect to.

    A host of the operator's file is allowed as it is named; one of an entry added over REST has to be listed.
    Behind a jump host, which the file alone has, that host looks the name up.

    Raises
    ------
    SshRefused
        When the host has no address that is allowed.
    SshUnavailable
        When the resolver does not answer at the moment.
    """
    host = access.host.strip("[]")
    if access.jump is not None and not access.judged:
        return host
    found = _look_up(host, access.port)
    lists = (allowed, access.bound_to) if access.judged else ()
    good = [each for each in found if all(_is_listed(host, each, access.port, one) for one in lists)]
    if not good:
        raise SshRefused(
            f"{host}:{access.port} ({', '.join(found)}) is not in GATEWAY_SSH_HOSTS, or its key"
            " is not for this address: the operator adds it to the list, and to the key in keys.toml"
        )
    return good[0]


def _is_listed(host: str, address: str, port: int, allowed: Sequence[str]) -> bool:
    """Return whether the list has the host by its name, or the network of its address, with this port."""
    number = ip_address(address)
    entries = [parse_entry(text) for text in allowed]
    return any(each.allows_name(host, port) or each.allows_address((number,), port) for each in entries)


def _look_up(host: str, port: int) -> list[str]:
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            raise SshUnavailable(f"the name {host} cannot be resolved at the moment") from error
        raise SshRefused(
            f"there is no host named {host}: correct `host` of the cluster", Fault.NAME
        ) from error
    except (UnicodeError, OverflowError) as error:
        raise SshRefused(f"{host!r} is not a host name: correct `host`", Fault.NAME) from error
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))
