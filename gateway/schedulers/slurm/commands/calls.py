"""The calls of Slurm's commands in a clean environment, and their failures as the gateway's errors."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.command_runners.base import CommandError, CommandResult, CommandRunner
from gateway.errors import GatewayError, SchedulerError, SchedulerUnavailable
from gateway.schedulers.base import JobSpec
from gateway.schedulers.clean_environment import in_clean_environment
from gateway.schedulers.script_channel import submission_argv
from gateway.schedulers.slurm.commands.messages import error_number, is_away
from gateway.schedulers.slurm.errors import slurm_error

LIST_LIMIT = 128 * 2**20  # a document has some 5 kB for each job
_NOT_FOUND = frozenset({126, 127})


@dataclass(frozen=True)
class SlurmCommands:
    """Where Slurm's commands run; `path` leads to them, and `conf` is used where it can be read."""

    runner: CommandRunner
    path: str
    conf: str

    def run(self, *argv: str, limit: int = LIST_LIMIT) -> bytes:
        """Run the command and return its output."""
        result = self._run(in_clean_environment(argv, self.path, self.conf), limit=limit)
        if result.status != 0:
            raise error_of(argv[0], result.status, result.stderr.decode(errors="replace"))
        return result.stdout

    def submit(self, jobs: bytes, count: int) -> bytes:
        """Run the script that submits these jobs and return its answers."""
        argv = submission_argv("sbatch", self.path, self.conf)
        return self._run(argv, stdin=jobs, timeout_s=60.0 + 5 * count).stdout

    def _run(
        self, argv: Sequence[str], stdin: bytes = b"", timeout_s: float = 60.0, limit: int = LIST_LIMIT
    ) -> CommandResult:
        try:
            return self.runner.run(argv, stdin=stdin, timeout_s=timeout_s, limit=limit)
        except CommandError as error:
            if error.transient:
                raise SchedulerUnavailable(f"Slurm does not answer: {error.detail}") from error
            raise SchedulerError(error.detail) from error


def error_of(program: str, status: int, printed: str, submitted: JobSpec | None = None) -> GatewayError:
    """Return the error for the output of a failed command."""
    number, last = error_number(printed), (printed.strip().splitlines() or [""])[-1]
    if number is not None:
        return slurm_error(number, last.partition("error: ")[2] or last, submitted)
    if status in _NOT_FOUND:
        return SchedulerUnavailable(
            f"the command {program} is not found where commands run: install Slurm's client commands there,"
            " or correct `path` of the cluster"
        )
    if is_away(printed) or not last:
        return SchedulerUnavailable(f"Slurm does not answer: {last or f'{program} ended with {status}'}")
    return SchedulerError(f"Slurm refused: {last}")
