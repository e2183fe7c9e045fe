"""Connection: one OpenSSH client that stays logged in, over which channels are opened (ControlMaster)."""

import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import IO

from gateway.clusters.ssh_access import SshAccess
from gateway.command_runners.ssh.channel import end_process, open_process, runs_on
from gateway.command_runners.ssh.errors import SshRefused, explain
from gateway.command_runners.ssh.options import PROGRAM, hop_options, options, proxy_command, server_name
from gateway.command_runners.ssh.secrets import HopFiles
from gateway.processes import plain_environment

LOGIN_S = 30.0
BREAK_S = 1.0
_POLL_S = 0.005
_MOST_MESSAGES_BYTES = 1 << 16
_LONGEST_FOLDER = 60  # of a socket's name, which may have 107 bytes
# Ends the client, and removes its folder, when the pipe to it is closed: also by a kill of this process.
_GUARD = """
exec 3<&0; folder=$1; shift; "$@" </dev/null & client=$!
(read -r _ <&3; kill $client) 2>/dev/null & watch=$!
wait $client; status=$?; kill $watch 2>/dev/null; rm -rf "$folder"; exit $status
"""
_NO_OTHER_WAY = {"ControlMaster": "no", "ProxyCommand": "false"}  # a broken connection is not made anew


class SshConnection:
    """A logged-in client. Channels are further processes of `ssh` that pass their bytes through it."""

    def __init__(self, access: SshAccess, address: str) -> None:
        self.name = server_name(access)
        self._access, self._address = access, address
        parent = tempfile.gettempdir() if len(tempfile.gettempdir()) < _LONGEST_FOLDER else "/tmp"  # noqa: S108
        self._folder = Path(tempfile.mkdtemp(prefix="hpc-gateway-ssh-", dir=parent))
        self._socket = self._folder / "socket"
        self._lock = threading.Lock()
        self._channels: list[subprocess.Popen[bytes]] = []
        self._log = self._folder / "log"
        self._messages = self._log.open("xb+")  # read also after the end of the folder
        self._banner = tempfile.TemporaryFile()  # noqa: SIM115  closed with the connection
        try:
            self._process = self._log_in()
        except BaseException:
            self._close_texts()
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def is_alive(self) -> bool:
        """Return whether the client runs; keep-alive messages end one whose server is silent."""
        return self._process.poll() is None

    def outlives_a_channel(self) -> bool:
        """Return whether the client goes on after the end of a channel; one that breaks ends soon."""
        return runs_on(self._process, BREAK_S)

    def open_channel(self, *words: str) -> subprocess.Popen[bytes]:
        """Start the process of a channel; `words` are those of its command line after the options."""
        argv = [
            *(PROGRAM, "-F", "none", "-T", "-a", "-x", "-S", str(self._socket)),
            *options({"BatchMode": "yes", "LogLevel": "ERROR", "EscapeChar": "none"} | _NO_OTHER_WAY),
            *words,
        ]
        process = open_process(argv)
        with self._lock:
            self._channels = [*(each for each in self._channels if each.returncode is None), process]
        return process

    def close(self) -> None:
        """End the client with all its channels."""
        for channel in self._channels:
            end_process(channel)
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(LOGIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._close_texts()

    def messages(self) -> str:
        """Return all that the client has written to its log."""
        return _read(self._messages)

    def _close_texts(self) -> None:
        self._messages.close()
        self._banner.close()

    def _log_in(self) -> subprocess.Popen[bytes]:
        with ExitStack() as files:
            environment = plain_environment() | {"LC_ALL": "C"}
            argv = list(self._client(files, environment))
            guard = ("/bin/sh", "-c", _GUARD, "ssh-guard", str(self._folder))
            process = _start([*guard, *argv], environment, self._banner)
            deadline = time.monotonic() + LOGIN_S
            while not self._socket.exists():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise self._failure(process)
                time.sleep(_POLL_S)
        return process

    def _client(self, files: ExitStack, environment: dict[str, str]) -> Iterator[str]:
        """Yield the command line of the client that stays."""
        target = files.enter_context(closing(HopFiles(self._access, self._folder / "target")))
        environment |= target.environment
        yield from (PROGRAM, "-M", "-N", "-S", str(self._socket))
        has_passphrase = bool(target.environment)
        yield from hop_options(self._access, target.known_hosts, self._log, with_passphrase=has_passphrase)
        if jump := self._access.jump:
            over = files.enter_context(closing(HopFiles(jump, self._folder / "jump")))
            variables = [f"{name}={value}" for name, value in over.environment.items()]
            words = [
                *("env", *variables, PROGRAM, "-W", f"[{self._address}]:{self._access.port}"),
                *hop_options(jump, over.known_hosts, self._log, with_passphrase=bool(over.environment)),
                *("--", jump.host.strip("[]")),
            ]
            yield from options({"ProxyCommand": proxy_command(words)})
        yield from ("--", self._address)

    def _failure(self, process: subprocess.Popen[bytes]) -> Exception:
        """End the client, and return the error that its messages tell."""
        process.communicate()
        jump = self._access.jump
        return explain(self.messages(), self.name, server_name(jump) if jump else "", _read(self._banner))


def _start(argv: Sequence[str], environment: dict[str, str], stderr: IO[bytes]) -> subprocess.Popen[bytes]:
    if shutil.which(PROGRAM, path=environment.get("PATH")) is None:
        raise SshRefused("the program ssh is not installed here: install the OpenSSH client (8.4 or newer)")
    return subprocess.Popen(
        argv,
        env=environment,
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        start_new_session=True,
    )


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(_MOST_MESSAGES_BYTES).decode(errors="replace")
