"""Entries added over REST: the cluster that a definition makes, and the part that it lacks to be served."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from ipaddress import ip_address
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import ValidationError

from gateway.allow_list import parse_entry
from gateway.clusters.configuration import CONTROL, Cluster
from gateway.clusters.ssh_access import ACCOUNT, SshAccess, check_host_key
from gateway.clusters.ssh_keys import KNOWN_HOSTS, OperatorKey, find_key
from gateway.errors import GatewayError, Invalid
from gateway.settings import Settings, get_settings

PREPARED = "kernels/bin/python"  # as `hpc-gateway infrastructure prepare` makes it, in the control folder
_NO_KEY = (
    "ssh_key.path names no key of the gateway's operator that is for this host, port and account: use the"
    " name of one; the operator adds keys to keys.toml in GATEWAY_SSH_KEYS"
)


@dataclass(frozen=True)
class Definition:
    """An entry as it was posted; `sealed_passphrase` is encrypted."""

    host: str
    hostname: str
    username: str
    scheduler: str
    key: str = ""
    sealed_passphrase: str = ""
    port: int = 22
    host_key: str = ""
    python: str = ""
    roots: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Definition":
        """Return the definition that the database has."""
        known = {each.name for each in fields(cls)}
        values = {name: value for name, value in stored.items() if name in known}
        return cls(**(values | {"roots": tuple(stored.get("roots", ()))}))

    def stored(self) -> dict[str, Any]:
        """Return the definition for the database, without the secret."""
        kept = {name: value for name, value in asdict(self).items() if name != "sealed_passphrase"}
        return kept | {"roots": list(self.roots)}

    @property
    def identity(self) -> tuple[object, ...]:
        """The parts that stay while rows are unfinished: host, account, scheduler and roots."""
        return self.host, self.port, self.username, self.scheduler, self.roots


def check_definition(definition: Definition) -> None:
    """Raise Invalid for values that no entry may set."""
    found = find_key(definition.key)
    key = found[1] if found else None
    if definition.python and not (key and key.allows(key.python, definition.python)):
        raise Invalid(_not_allowed(definition.python), field="python")
    for root in definition.roots:
        if not (key and key.allows(key.roots, root)):
            raise Invalid(_not_allowed(root), field="roots")
    try:
        check_host_key(definition.host_key)
    except ValueError as error:
        raise Invalid(str(error), field="host_key") from error


def _not_allowed(value: str) -> str:
    return f"{value!r} fits no pattern of the entry's SSH key: leave it out, or ask the gateway's operator"


def cluster_of_definition(name: str, definition: Definition, revision: int) -> Cluster:
    """Return the cluster; one that lacks something is not reached over SSH, and no worker serves it."""
    found = None if missing_part(definition) else find_key(definition.key)
    plain = _shown(name, definition, revision)
    return Cluster(**plain if found is None else plain | _remote(definition, found[1]))


def _shown(name: str, definition: Definition, revision: int) -> dict[str, Any]:
    """Return the values of a cluster that is shown and not served."""
    account = definition.username if re.fullmatch(ACCOUNT, definition.username) else "gateway"
    return {
        "name": name,
        "scheduler": definition.scheduler,
        "home": PurePosixPath("/home") / account,
        "host": definition.host,
        "hostname": definition.hostname,
        "username": definition.username,
        "revision": revision,
    }


def missing_part(definition: Definition) -> str:
    """Return a sentence about the part that the entry lacks to be served; nothing when it lacks none."""
    settings = get_settings()
    if (settings.auth == "none" or settings.open_to_all) and not settings.remote_without_accounts:
        return (
            "requests to this gateway need no account, so clusters that are added over REST are not"
            " served: the operator sets GATEWAY_AUTH, or GATEWAY_REMOTE_WITHOUT_ACCOUNTS=true"
        )
    try:
        return _missing_key(definition) or _missing_host(definition, settings) or _misfit(definition)
    except GatewayError as error:
        return error.detail


def _missing_key(definition: Definition) -> str:
    found = find_key(definition.key)
    if found is None or definition.username not in found[1].usernames:
        return _NO_KEY
    return "" if _may_be_listed(definition, found[1].hosts) else _NO_KEY


def _missing_host(definition: Definition, settings: Settings) -> str:
    if not _may_be_listed(definition, settings.ssh_hosts):
        return (
            f"{definition.host}:{definition.port} is not in GATEWAY_SSH_HOSTS, which lists the SSH servers of"
            " clusters that are added over REST: the operator adds it there"
        )
    if not definition.host_key and _known_hosts() is None:
        return (
            f"the host key of {definition.host} is not known: add `host_key` to the entry, or ask the"
            f" operator to add it to {KNOWN_HOSTS} in GATEWAY_SSH_KEYS"
        )
    return ""


def _misfit(definition: Definition) -> str:
    try:
        check_definition(definition)
        if found := find_key(definition.key):
            Cluster(**_shown("entry", definition, 0) | _remote(definition, found[1]))
    except ValidationError as error:
        first = error.errors()[0]
        return ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))
    return ""


def _may_be_listed(definition: Definition, entries: list[str]) -> bool:
    """Return whether a list may have the host: by name, or by a network that its addresses may be in.

    The address that is connected to is judged again (gateway/command_runners/ssh/address.py).
    """
    parsed = [parse_entry(text) for text in entries]
    if any(each.allows_name(definition.host, definition.port) for each in parsed):
        return True
    try:
        address = ip_address(definition.host.strip("[]"))
    except ValueError:
        return any(each.network is not None and each.port == definition.port for each in parsed)
    return any(each.allows_address((address,), definition.port) for each in parsed)


def _remote(definition: Definition, key: OperatorKey) -> dict[str, Any]:
    """Return the values of a cluster that is reached over SSH."""
    folder = PurePosixPath(get_settings().ssh_keys or "/")
    access = SshAccess(
        host=definition.host,
        port=definition.port,
        username=definition.username,
        key=folder / key.file,
        host_key=definition.host_key,
        known_hosts=_known_hosts(),
        sealed_passphrase=definition.sealed_passphrase,
        judged=True,
        bound_to=tuple(key.hosts),
    )
    home = key.home_of(definition.username)
    python = definition.python or str(home / CONTROL / PREPARED)
    ways = {"commands": "ssh", "files": "sftp", "ssh": access, "home": home, "roots": definition.roots}
    return ways | {"python": python} | ({"path": key.path} if key.path else {})


def _known_hosts() -> PurePosixPath | None:
    folder = get_settings().ssh_keys
    path = folder / KNOWN_HOSTS if folder else Path("/nonexistent")
    return PurePosixPath(path) if path.is_file() else None
