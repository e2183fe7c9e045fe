"""A CommandRunner that answers PBS's commands from the recordings of a real OpenPBS 23.06.06."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from gateway.command_runners.base import CommandResult
from gateway.schedulers.clean_environment import in_clean_environment

FOLDER = Path(__file__).parent / "recordings"
PATH = "/opt/pbs/bin"
_PREFIX = len(in_clean_environment([], PATH))


@lru_cache
def recordings() -> dict[str, dict[str, object]]:
    """Return the recordings by name."""
    lines = (FOLDER / "recordings.jsonl").read_text().splitlines()
    return {str(found["name"]): found for found in map(json.loads, lines)}


def answer(name: str) -> CommandResult:
    """Return the recorded exit status and outputs; a text with bytes that are not UTF-8 lies in a file."""
    found = recordings()[name]
    stdout = str(found.get("stdout", "")).encode()
    if "stdout_file" in found:
        stdout = (FOLDER / str(found["stdout_file"])).read_bytes()
    return CommandResult(int(str(found["exit"])), stdout, str(found.get("stderr", "")).encode())


class Replay:
    """Answers commands by recordings' names or by results; it records the commands."""

    def __init__(self, answers: Mapping[str, str | CommandResult]) -> None:
        self.answers = {"id -un": CommandResult(0, b"user\n", b""), **answers}
        self.commands: list[str] = []
        self.inputs: list[bytes] = []

    def run(
        self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 60.0, limit: int = 1 << 24
    ) -> CommandResult:
        """Return the answer to the command, without the shell that cleans its environment."""
        assert timeout_s > 0
        assert limit > 0
        command = " ".join(argv[_PREFIX:] or argv[-1:])
        self.commands.append(command)
        self.inputs.append(stdin)
        found = self.answers[command]
        return answer(found) if isinstance(found, str) else found
