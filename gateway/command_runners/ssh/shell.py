"""Kept shell: a POSIX shell of the cluster that runs commands one after the other over one channel.

The login shell of the account gets one fixed line, the same for every command, which any shell understands.
It starts /bin/sh, which reads a line for each command. Marks that no program can guess part the streams.
"""

import re
import shlex
import time
from collections.abc import Sequence
from secrets import token_hex

from gateway.cleaning import clean
from gateway.command_runners.base import (
    CommandOutputTooLarge,
    CommandResult,
    CommandsUnavailable,
    CommandTimedOut,
)
from gateway.command_runners.ssh.channel import ChannelClosed, SshChannel
from gateway.command_runners.ssh.connection import SshConnection
from gateway.command_runners.ssh.errors import SshRefused, SshUnavailable, explain

REMOTE = "exec /bin/sh -c 'while IFS= read -r line; do eval \"$line\"; done'"
_SURROUNDINGS = "LANG=C.UTF-8; export PATH LANG; unset LC_ALL"
OPEN_S = 20.0
_CHATTER_BYTES = 1 << 18
_LONGEST_QUOTE = 200
_NOT_FOUND = 127
_BY_SIGNAL = 128
_CLIENT = b"mux_client"
_PLAIN = re.compile(rb"[^A-Za-z0-9 _./:,=+@#$(){}\[\]<>|&;*?!\"^~`-]")


class Shell:
    """A shell on the cluster. After an error it is of no use: the answer to the command may still come."""

    def __init__(self, connection: SshConnection, path: str) -> None:
        self._host = connection.name
        self._channel = SshChannel(connection.open_channel("--", "cluster", REMOTE))
        begin = (
            f"cd /; PATH={shlex.quote(path)}:$PATH; LANG=C.UTF-8; export PATH LANG; unset LC_ALL; status=0"
        )
        mark = token_hex(16)
        try:
            self._exchange(begin, mark, OPEN_S, _CHATTER_BYTES)
        except TimeoutError:
            self.close()
            raise SshUnavailable(
                f"{self._host} has not started a shell within {OPEN_S:g} s; it is tried again"
            ) from None
        except (OverflowError, ChannelClosed) as error:
            failure = self._explain(connection)
            self.close()
            raise failure from error
        found = [_before(stream, mark)[0] for stream in self._channel.take()]
        self.chatter = _words(b" ".join(found))

    def run(self, argv: Sequence[str], stdin: bytes, timeout_s: float, limit: int) -> CommandResult:
        """Run the command; see CommandRunner."""
        mark = token_hex(16)
        fed = f"printf %b '{_encode(stdin)}' | {quote(argv)}" if stdin else f"{quote(argv)} </dev/null"
        try:
            self._exchange(f"{_on_one_line(fed)}; status=$?", mark, timeout_s, limit)
        except TimeoutError:
            raise CommandTimedOut(f"{argv[0]} did not answer within {timeout_s:g} s") from None
        except OverflowError:
            raise CommandOutputTooLarge(f"{argv[0]} printed more than {limit:,} bytes") from None
        except ChannelClosed:
            raise SshUnavailable(
                f"the connection to {self._host} broke while {argv[0]} ran, which may have done its work"
            ) from None
        return self._result(argv[0], mark)

    def close(self) -> None:
        """End the shell."""
        self._channel.close()

    def _exchange(self, line: str, mark: str, timeout_s: float, limit: int) -> None:
        """Send the line, and wait for the mark behind its status on both streams."""
        told = f"printf '\\n%s %s\\n' $status {mark}"
        end = f" {mark}\n".encode()
        sent = _bytes(f"{line}; {told}; {told} >&2\n")
        self._channel.exchange(sent, end, time.monotonic() + timeout_s, limit)

    def _result(self, program: str, mark: str) -> CommandResult:
        (stdout, status), (stderr, _) = (_before(stream, mark) for stream in self._channel.take())
        if status == _NOT_FOUND and b"not found" in stderr:
            raise CommandsUnavailable(
                f"{program} is not found on {self._host}: correct `path` of the cluster, the folders in"
                " which its programs are"
            )
        return CommandResult(_BY_SIGNAL - status if status > _BY_SIGNAL else status, stdout, stderr)

    def _explain(self, connection: SshConnection) -> SshRefused | SshUnavailable:
        """Return why there is no shell: the connection, or an account that runs no commands."""
        stdout, stderr = self._channel.take()
        if _CLIENT in stderr or not connection.outlives_a_channel():
            return explain(f"{connection.messages()}\n{stderr.decode(errors='replace')}", self._host)
        said = _words(stdout + b" " + stderr)
        answered = f" and answers {said!r}" if said else " and answers nothing"
        return SshRefused(
            f"the account on {self._host} runs no commands{answered}: it has a forced command, a restricted"
            " shell, or start files that end the session; give it /bin/sh or another ordinary shell"
        )


def quote(argv: Sequence[str]) -> str:
    """Return the arguments as words of a POSIX shell: the only place that quotes for a cluster."""
    if found := next((word for word in argv if "\0" in word), None):
        raise SshRefused(f"{found!r}: an argument of a command cannot hold a NUL character")
    return shlex.join(argv)


def _words(said: bytes) -> str:
    """Return the first words of a text from the cluster, cleaned."""
    return " ".join(clean(said.decode(errors="replace")).split())[:_LONGEST_QUOTE]


def _on_one_line(script: str) -> str:
    return f"eval \"$(printf %b '{_encode(_bytes(script))}')\"" if "\n" in script else script


def _bytes(line: str) -> bytes:
    """Return the line in UTF-8; names of files that are not UTF-8 keep their bytes."""
    return line.encode("utf-8", "surrogateescape")


def _encode(data: bytes) -> str:
    """Return the bytes as an argument of `printf %b`, inside single quotes."""
    return _PLAIN.sub(lambda found: b"\\0%03o" % found[0][0], data).decode("ascii")


def _before(stream: bytes, mark: str) -> tuple[bytes, int]:
    """Return the bytes before the mark, and the status there."""
    before, _, status = stream.removesuffix(f" {mark}\n".encode()).rpartition(b"\n")
    return before, int(status)
