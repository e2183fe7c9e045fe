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


class ChannelRefused(SshUnavailable):
    """The connection is there and takes no further channel."""


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
        "UNPROTECTED PRIVATE KEY",
        (
            "the SSH key for {host} may be read by other accounts: `chmod 600` the key file, and give it"
            " to the worker's account"
        ),
    ),
    ("incorrect passphrase", "the passphrase does not open the SSH key for {host}: set the right one"),
    ("Too many authentication failures", "{host} does not accept any SSH key of the agent: set `key`"),
    ("Bad configuration option", "the program ssh of this machine is too old: install OpenSSH 8.4 or newer"),
)
_CHANNEL = re.compile(r"session open refused|open failed", re.IGNORECASE)
_NOT_COMMON = re.compile(r"Unable to negotiate .*: no matching (.+) found\. Their offer: (.*)")
_OTHER_KIND = re.compile(r"The fingerprint for the (\S+) key sent by[\s\S]*?Offending (?!\1)(\S+) key in")
_UNKNOWN_KEY = re.compile(r"(?:No (\S+) host key is known[\s\S]*)?Host key verification failed")
_DENIED = re.compile(r"Permission denied \(([^)]*)\)")
_ONE_FACTOR, _LOGGED_IN = "with partial success", "Authenticated to "
_CLOSED = re.compile(r"^(?:Connection (?:closed|reset) by|Received disconnect from) ", re.MULTILINE)
_NO_ACCOUNT = re.compile(r"\b(?:expired|locked|disabled)\b", re.IGNORECASE)
# The words of a client that met no server behind its jump host, and of a jump host that leads no further.
_NO_WAY, _NOT_PASSED_ON = "kex_exchange_identification", "stdio forwarding failed"
_BEHIND_JUMP = re.compile(rf"{_NO_WAY}|UNKNOWN port 65535")


def explain(messages: str, host: str, jump: str = "", banner: str = "") -> SshRefused | SshUnavailable:
    """Return the error that the client's messages tell, about the server or the jump host before it.

    `banner` is the server's own text before the log-in, which explains a connection that the server ends.
    """
    if jump and _NOT_PASSED_ON in messages:
        return SshUnavailable(
            f"the jump host {jump} leads to no {host} at the moment: nothing answers there, or its sshd or"
            " the key there lacks `AllowTcpForwarding yes`; it is tried again"
        )
    asked = jump if jump and _NO_WAY in messages else host
    if refusal := _refusal(messages, asked):
        return SshRefused(refusal)
    if _CHANNEL.search(messages):
        return ChannelRefused(
            f"{host} opens no further channel: raise MaxSessions of its sshd, which is 10 by default"
        )
    return _unavailable(messages, host, jump, banner)


def _refusal(messages: str, host: str) -> str:
    """Return the sentence about a refusal that lasts until a person changes something, or nothing."""
    if match := _OTHER_KIND.search(messages):
        return (
            f"{host} shows a host key of another type ({match[1]}) than the known one ({match[2]}): nothing"
            " was sent. Ask the cluster's operators for that key, and add it to `host_key` or known_hosts"
        )
    for found, sentence in _REFUSALS:
        if found in messages:
            return sentence.format(host=host)
    if match := _UNKNOWN_KEY.search(messages):
        kind = f" {match[1]}" if match[1] else ""
        return (
            f"the{kind} host key of {host} is not known: ask the cluster's operators for it and set"
            " `host_key` or known_hosts"
        )
    if match := _NOT_COMMON.search(messages):
        return (
            f"{host} and the OpenSSH client here have no {match[1]} in common: the server offers"
            f" {_shorten(match[2])}; its operators have to allow a current one, or update its sshd"
        )
    methods = _DENIED.findall(messages)
    return _denied(methods[-1], messages, host) if methods else ""


def _denied(methods: str, messages: str, host: str) -> str:
    """Return the sentence about a log-in that failed with these methods left."""
    if "publickey" in methods:
        return (
            f"{host} does not accept the SSH key for this account: add its public key to authorized_keys"
            " there, check account, key, certificate and passphrase, and that the account is neither locked"
            " nor expired and its sshd allows account and type of key (AllowUsers, PubkeyAcceptedAlgorithms)"
        )
    if _ONE_FACTOR in messages.rpartition(_LOGGED_IN)[2]:
        return (
            f"{host} accepts the SSH key and asks for a second factor ({_shorten(methods)}), which no person"
            " gives here: its operators have to exempt this account (`AuthenticationMethods publickey`)"
        )
    return (
        f"{host} lets this account log in by {_shorten(methods) or 'no method'} and by no SSH key: its"
        " operators have to allow keys (`PubkeyAuthentication yes`)"
    )


def _unavailable(messages: str, host: str, jump: str, banner: str) -> SshRefused | SshUnavailable:
    """Return the error for a server that does not answer, or ends the connection before the log-in."""
    lines = [line for line in map(clean, messages.splitlines()) if line.strip()]
    own = [line for line in lines if not (_LOGGED_IN in line or (jump and _BEHIND_JUMP.search(line)))]
    if not own or _CLOSED.match(own[-1]):
        return _closed(messages, f"{host} or the jump host {jump}" if jump else host, banner)
    return SshUnavailable(
        f"{host} cannot be reached over SSH at the moment ({_shorten(own[-1].strip())}); it is tried again"
    )


def _closed(messages: str, host: str, banner: str) -> SshRefused | SshUnavailable:
    """Return the error for a connection that the server ended."""
    said = " ".join(clean(banner).split())
    if _LOGGED_IN in messages:
        return SshUnavailable(f"the SSH connection to {host} broke; it is tried again")
    if said:
        error = SshRefused if _NO_ACCOUNT.search(said) else SshUnavailable
        return error(f"{host} ends the connection before the log-in and says {_shorten(said)!r}")
    if _NO_WAY in messages:
        return SshUnavailable(
            f"{host} ends connections before the log-in: there are too many at once (MaxStartups of its"
            " sshd), or this machine's address is blocked there; it is tried again"
        )
    told = " (the server ended the connection before the log-in)" if _CLOSED.search(messages) else ""
    return SshUnavailable(f"{host} cannot be reached over SSH at the moment{told}; it is tried again")


def _shorten(text: str) -> str:
    return clean(text.strip())[:_LONGEST]
