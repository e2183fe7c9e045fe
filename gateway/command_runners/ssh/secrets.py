"""Files of a connection: known hosts, and the passphrase of a key, which reaches ssh through a pipe.

They lie in a folder of mode 0700 that lives as long as the connection. The passphrase is never on a disk.
"""

import os
from pathlib import Path, PurePosixPath

from gateway import encryption
from gateway.clusters.ssh_access import SshHop
from gateway.command_runners.ssh.errors import SshRefused
from gateway.command_runners.ssh.options import server_name

_ASKPASS = '#!/bin/sh\nIFS= read -r line <"$0.pipe" && printf \'%s\\n\' "$line"\n'
_LONGEST_BYTES = 1024  # less than a pipe holds


class HopFiles:
    """The files for one server, and the pipe to `ssh` that is open while it logs in."""

    def __init__(self, hop: SshHop, folder: Path) -> None:
        self._hop, self._folder, self._pipe = hop, folder, -1
        folder.mkdir(0o700)
        self.known_hosts: Path | PurePosixPath = folder / "known_hosts"
        self._write_known_hosts()
        passphrase = _passphrase(hop)
        self.environment: dict[str, str] = self._open_pipe(passphrase) if passphrase else {}

    def close(self) -> None:
        """Close the pipe: the passphrase is gone."""
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1

    def _write_known_hosts(self) -> None:
        hop, name = self._hop, server_name(self._hop)
        if hop.host_key or hop.known_hosts is None:
            lines = "".join(f"{name} {key}\n" for key in hop.host_key.splitlines())
            Path(self.known_hosts).write_text(lines, encoding="ascii")
        else:
            self.known_hosts = hop.known_hosts

    def _open_pipe(self, passphrase: str) -> dict[str, str]:
        """Make the program that ssh asks; return the variables that name it."""
        program = self._folder / "askpass"
        program.write_text(_ASKPASS, encoding="ascii")
        program.chmod(0o700)
        pipe = f"{program}.pipe"
        os.mkfifo(pipe, 0o600)
        self._pipe = os.open(pipe, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        os.write(self._pipe, passphrase.encode() + b"\n")
        return {"SSH_ASKPASS": str(program), "SSH_ASKPASS_REQUIRE": "force"}


def _passphrase(hop: SshHop) -> str:
    if hop.sealed_passphrase:
        found = encryption.decrypt(hop.sealed_passphrase)
    elif hop.passphrase_file:
        try:
            found = Path(hop.passphrase_file).read_text(encoding="utf-8").removesuffix("\n")
        except OSError as error:
            raise SshRefused(
                f"the passphrase of the SSH key for {hop.host} cannot be read ({error.strerror}): correct"
                " `passphrase_file`"
            ) from error
    else:
        return ""
    if "\n" in found or len(found.encode()) > _LONGEST_BYTES:
        raise SshRefused(f"the passphrase of the SSH key for {hop.host} is longer than one line")
    return found
