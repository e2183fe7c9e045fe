"""Errors of SSH: the messages of the OpenSSH client as sentences, and whether a retry may help."""

import re

from gateway.cleaning import clean
from gateway.command_runners.base import CommandError, CommandsUnavailable
from gateway.errors import Fault

_LONGEST = 300


class SshRefused(CommandError):
    """The SSH server, or the check of it, refused: a person has to change something."""

    title = "SSH"
    fault = Fault.PERMISSION


class SshUnavailable(CommandsUnavailable):
    """The SSH server cannot be reached at the moment, or the connection broke."""

    title = "SSH"
    fault = Fault.NETWORK


# The client writes English in the locale C; the first entry that is found counts.
_REFUSALS = (
    (
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        (
            "the host key of {host} has changed: nothing was sent. If the cluster has a new key, ask its"
            " operators for it and set `host_key` or known_hosts; otherwise another"
            " machine answers under its address"
        ),
    ),
    (
        "REVOKED HOST KEY DETECTED",
        (
            "the host key of {host} is marked as revoked: nothing was sent. Ask the cluster's operators for"
            " its new key"
        ),
    ),
    (
        "Host key verification failed",
        (
            "the host key of {host} is not known: ask the cluster's operators for it and set `host_key` or"
            " known_hosts"
        ),
    ),
    (
        "UNPROTECTED PRIVATE KEY",
        (
            "the SSH key for {host} may be read by other accounts: `chmod 600` the key file, and give it"
            " to the worker's account"
        ),
    ),
    ("incorrect passphrase", "the passphrase does not open the SSH key for {host}: set the right one"),
    (
        "Permission denied (",
        (
            "{host} does not accept the SSH key for this account: add its public key to authorized_keys"
            " there, and check account, key, certificate and passphrase"
        ),
    ),
    ("Too many authentication failures", "{host} does not accept any SSH key of the agent: set `key`"),
    ("Bad configuration option", "the program ssh of this machine is too old: install OpenSSH 8.4 or newer"),
)
_CHANNEL = re.compile(r"session open refused|open failed", re.IGNORECASE)
# The words of a client that met no server behind its jump host, and of a jump host that leads no further.
_NO_WAY, _NOT_PASSED_ON = "kex_exchange_identification", "stdio forwarding failed"


def explain(messages: str, host: str, jump: str = "") -> SshRefused | SshUnavailable:
    """Return the error that the client's messages tell, about the server or the jump host before it."""
    if jump and _NOT_PASSED_ON in messages:
        return SshUnavailable(
            f"the jump host {jump} leads to no {host} at the moment: nothing answers there, or its sshd or"
            " the key there lacks `AllowTcpForwarding yes`; it is tried again"
        )
    refuses = jump if jump and _NO_WAY in messages else host
    for found, sentence in _REFUSALS:
        if found in messages:
            return SshRefused(sentence.format(host=refuses))
    if _CHANNEL.search(messages):
        return SshUnavailable(
            f"{host} opens no further channel: raise MaxSessions of its sshd, which is 10 by default"
        )
    return SshUnavailable(
        f"{host} cannot be reached over SSH at the moment{_said(messages)}; it is tried again"
    )


def _said(messages: str) -> str:
    """Return the last line of the messages in brackets."""
    lines = [line for line in map(clean, messages.splitlines()) if line.strip()]
    return f" ({lines[-1].strip()[:_LONGEST]})" if lines else ""
