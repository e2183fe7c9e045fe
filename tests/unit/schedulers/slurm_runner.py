"""A runner of Slurm's commands that answers what a test gives it, and what a Slurm 24.11 has printed."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gateway.command_runners.base import (
    CommandResult,
)
from gateway.schedulers.clean_environment import in_clean_environment
from gateway.schedulers.slurm.commands import columns
from gateway.schedulers.slurm.commands.calls import SlurmCommands
from gateway.schedulers.slurm.commands.client import CommandClient

PRINTED = Path(__file__).parent / "slurm_printed"


PREFIX = len(in_clean_environment([], ""))


Answer = bytes | CommandResult | Exception


class Runner:
    """Answers by the first word of the command, or by its first two."""

    def __init__(self, **answers: Answer | Callable[[str], Answer]) -> None:
        self.answers = {"id": b"0\n", "sinfo --version": b"slurm 24.11.5\n"} | {
            name.replace("__", " --"): answer for name, answer in answers.items()
        }
        self.commands: list[str] = []

    def run(
        self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 60.0, limit: int = 1 << 24
    ) -> CommandResult:
        assert (timeout_s > 0, limit > 0, stdin) == (True, True, b"")
        command = " ".join(argv[PREFIX:])
        self.commands.append(command)
        words = command.split()
        found = self.answers.get(" ".join(words[:2]), self.answers.get(words[0]))
        if callable(found):
            found = found(command)
        if isinstance(found, Exception):
            raise found
        if isinstance(found, CommandResult):
            return found
        assert found is not None, command
        return CommandResult(0, found, b"")


def client(**answers: Answer | Callable[[str], Answer]) -> tuple[CommandClient, Runner]:
    runner = Runner(**answers)
    return CommandClient(SlurmCommands(runner, "/slurm/bin", "/slurm.conf")), runner


def printed(name: str) -> bytes:
    return (PRINTED / name).read_bytes()


def line(table: columns.Columns, gap: str = "", **values: str) -> bytes:
    """Return a line of columns as Slurm cuts and fills them, byte by byte."""
    cells = (
        values.get(name, "").encode()[:width].ljust(width) + gap.encode() for name, width in table.items()
    )
    return b"".join(cells) + b"\n"


JOB = {
    "JobID": "7",
    "ArrayJobID": "7",
    "ArrayTaskID": "N/A",
    "UserID": "0",
    "State": "RUNNING",
    "PriorityLong": "5",
    "NumNodes": "2",
    "NumCPUs": "8",
    "StartTime": "1796038563",
    "EndTime": "N/A",
    "TimeLimit": "1-00:00:30",
    "exit_code": "0:0",
    "RestartCnt": "0",
    "Reason": "None",
    "Partition": "debug",
    "NodeList": "n[1-2]",
    "Name": "job.1",
    "WorkDir": "/c/job.1",
}


def old(**more: Any) -> dict[str, Any]:
    """Return a job in the layout of 22.05: plain numbers, one state, the status of `wait`."""
    names = ("name", "state_reason", "partition", "nodes", "current_working_directory")
    plain = dict.fromkeys(names, "x") | {"job_state": "FAILED", "exit_code": 768, "job_id": 7, "user_id": 0}
    numbers = ("node_count", "cpus", "priority", "start_time", "end_time", "restart_cnt", "time_limit")
    return plain | dict.fromkeys(numbers, 1) | {"array_job_id": 0, "array_task_id": None} | more
