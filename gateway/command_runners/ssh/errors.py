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


def explain(messages: str, host: str) -> SshRefused | SshUnavailable:
    """Return the error that the client's messages tell."""
    for found, sentence in _REFUSALS:
        if found in messages:
            return SshRefused(sentence.format(host=host))
    if _CHANNEL.search(messages):
        return SshUnavailable(
            f"{host} opens no further channel: raise MaxSessions of its sshd, which is 10 by default"
        )
    lines = [line for line in map(clean, messages.splitlines()) if line.strip()]
    said = f" ({lines[-1].strip()[:_LONGEST]})" if lines else ""
    return SshUnavailable(f"{host} cannot be reached over SSH at the moment{said}; it is tried again")
