"""Command line of the OpenSSH client: every option is ours, no configuration file is read."""

import shlex
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from gateway.clusters.ssh_access import SshHop

PROGRAM = "ssh"
CONNECT_S = 10
ALIVE_S, ALIVE_MISSES = 5, 3
_FIXED = {
    "StrictHostKeyChecking": "yes",
    "GlobalKnownHostsFile": "/dev/null",
    "UpdateHostKeys": "no",
    "CheckHostIP": "no",
    "VerifyHostKeyDNS": "no",
    "CanonicalizeHostname": "no",
    "PreferredAuthentications": "publickey",
    "NumberOfPasswordPrompts": "1",
    "PermitLocalCommand": "no",
    "ClearAllForwardings": "yes",
    "EscapeChar": "none",
    "LogLevel": "VERBOSE",  # less does not tell algorithms that differ, nor a second factor
    "ConnectTimeout": str(CONNECT_S),
    "ServerAliveInterval": str(ALIVE_S),
    "ServerAliveCountMax": str(ALIVE_MISSES),
    # The fastest first where the processor has AES; the server chooses among all that it knows.
    "Ciphers": "^aes128-gcm@openssh.com,aes256-gcm@openssh.com",
}


def server_name(hop: SshHop) -> str:
    """Return the name of the server as files of known hosts have it."""
    host = hop.host.strip("[]")
    return host if hop.port == 22 else f"[{host}]:{hop.port}"  # noqa: PLR2004  the port of SSH


def hop_options(
    hop: SshHop, known_hosts: Path | PurePosixPath, log: Path, *, with_passphrase: bool
) -> Iterator[str]:
    """Yield the options for one server: the account, its key, and the server's host key.

    The client's own messages go to the log, and so are apart from the text of the server (Banner).
    """
    yield from ("-E", str(log), "-F", "none", "-T", "-a", "-x", "-p", str(hop.port), "-l", hop.username)
    yield from options(_FIXED)
    yield from options(
        {
            "HostKeyAlias": server_name(hop),
            "UserKnownHostsFile": _quoted(known_hosts),
            "BatchMode": "no" if with_passphrase else "yes",
            "IdentitiesOnly": "yes" if hop.key else "no",
            "IdentityAgent": _quoted(hop.agent) if hop.agent else "none",
            "IdentityFile": _quoted(hop.key) if hop.key else "none",
        }
    )
    if hop.certificate:
        yield from options({"CertificateFile": _quoted(hop.certificate)})


def options(values: dict[str, str]) -> Iterator[str]:
    """Yield the options as words of a command line."""
    for name, value in values.items():
        yield from ("-o", f"{name}={value}")


def proxy_command(argv: list[str]) -> str:
    """Return a command line for the option ProxyCommand, which the client expands and hands to a shell."""
    return shlex.join(argv).replace("%", "%%")


def _quoted(path: Path | PurePosixPath) -> str:
    """Return the path as the client's configuration reads it back: it expands `%` and parts words."""
    escaped = str(path).replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
