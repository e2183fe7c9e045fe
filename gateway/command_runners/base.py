"""The CommandRunner protocol: how a program of a cluster is run, its result and its errors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.errors import Fault, GatewayError

TIMEOUT_S = 60.0
LIMIT_BYTES = 16 * 2**20


@dataclass(frozen=True)
class CommandResult:
    """The exit status of a command, negative for a death by signal, and all that it has printed."""

    returncode: int
    stdout: bytes
    stderr: bytes

    @property
    def status(self) -> int:
        """The exit status as a shell counts it, which cannot tell a signal from a status above 128."""
        return self.returncode if self.returncode >= 0 else 128 - self.returncode


class CommandError(GatewayError):
    """A command of the cluster gave no result."""

    status = 502
    title = "Cluster commands"
    fault = Fault.SCHEDULER


class CommandsUnavailable(CommandError):
    """The place where the commands run cannot be reached at the moment, or lacks the program."""

    transient = True


class CommandTimedOut(CommandsUnavailable):
    """The command did not end in time and was killed; it may have done its work."""


class CommandOutputTooLarge(CommandError):
    """The command printed more than its limit and was killed."""


class CommandRunner(Protocol):
    """Runs programs where the commands of a cluster are: on this machine, or behind SSH."""

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_s: float = TIMEOUT_S,
        limit: int = LIMIT_BYTES,
    ) -> CommandResult:
        """Run the program with exactly these arguments and wait for its end.

        `limit` bounds stdout and stderr together. Any exit status is a result. A program that does not
        exist raises CommandsUnavailable.
        """
