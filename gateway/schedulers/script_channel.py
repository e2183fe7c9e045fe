"""Submissions that share one command: a fixed script reads them from its standard input, one after another.

Of each job a line has its place, the length of its batch script and the number of its options; the options
follow, one a line, and then the batch script. Each line of an answer begins with the job's place, and the
last one has the exit status. So no text of a job is ever part of a shell's program.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.errors import GatewayError, Invalid, SchedulerUnavailable
from gateway.schedulers.clean_environment import CLEAN

_STATUS = re.compile(r"status (\d{1,3})", re.ASCII)
_KILLED = range(129, 153)  # by a signal, as a shell counts it; PBS's own numbers begin at 153
_LONGEST_QUOTE = 200
# A scheduler that is away would let each further job wait in vain, so that the script ends with the first.
_SUBMIT = f"""\
{CLEAN}
LC_ALL=C
export LC_ALL
set -f
blank=' '
newline='
'
IFS=$blank
while read -r place bytes count; do
  set -- "$1"
  while [ "$count" -gt 0 ]; do
    IFS= read -r word || exit 1
    set -- "$@" "$word"
    count=$((count - 1))
  done
  script=$(head -c "$bytes")
  answer=$({{ printf '%s\\n' "$script" | clean "$@"; echo "status $?"; }} 2>&1)
  IFS=$newline
  for line in $answer; do printf '%s %s\\n' "$place" "$line"; done
  IFS=$blank
  case $answer in
  *"status 0") ;;
  *"Unable to contact"* | *"cannot connect to server"* | *"timed out"* | *"Connection refused"*) exit 0 ;;
  esac
done
"""


@dataclass(frozen=True)
class JobSubmission:
    """The options of a job's submission, and its batch script. An option that no line can hold is Invalid."""

    options: tuple[str, ...]
    script: str

    def __post_init__(self) -> None:
        for option in self.options:
            if not option or "\n" in option or "\0" in option:
                raise Invalid(f"{option!r} cannot be an option of a submission")


@dataclass(frozen=True)
class Answer:
    """The exit status of the submitting program, and the lines that it printed."""

    status: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """All that the program printed."""
        return "\n".join(self.lines)

    def find(self, pattern: re.Pattern[str]) -> str | None:
        """Return the first group of the last line that has this pattern, of a program that did not fail."""
        if self.status != 0:
            return None
        found = [match[1] for line in self.lines if (match := pattern.fullmatch(line))]
        return found[-1] if found else None


def submission_argv(program: str, path: str, conf: str = "") -> list[str]:
    """Return the command line that reads jobs and submits them by this program."""
    return ["/bin/sh", "-c", _SUBMIT, "sh", path, conf, program]


def encode(submissions: Sequence[JobSubmission]) -> bytes:
    """Return the standard input of the script."""
    return b"".join(_encode(place, job) for place, job in enumerate(submissions))


def _encode(place: int, job: JobSubmission) -> bytes:
    script = job.script.encode()
    lines = [f"{place} {len(script)} {len(job.options)}", *job.options]
    return "".join(f"{line}\n" for line in lines).encode() + script


def decode(stdout: bytes, count: int) -> list[Answer | None]:
    """Return the answer of each job; one that was not tried, or was cut, has none."""
    lines: list[list[str]] = [[] for _ in range(count)]
    for line in stdout.decode(errors="replace").split("\n"):
        place, _, text = line.partition(" ")
        if place.isascii() and place.isdigit() and int(place) < count:
            lines[int(place)].append(text)
    return [_answer(told) for told in lines]


def _answer(told: Sequence[str]) -> Answer | None:
    match = _STATUS.fullmatch(told[-1]) if told else None
    return None if match is None else Answer(int(match[1]), tuple(told[:-1]))


def read_id(
    program: str, answer: Answer, pattern: re.Pattern[str], refused: Callable[[], GatewayError]
) -> str | GatewayError:
    """Return the id, or the error of the job.

    A program that ended well, or was killed, may have submitted the job though it told no id: the next try
    looks for it by its name.
    """
    if found := answer.find(pattern):
        return found
    if answer.status != 0 and answer.status not in _KILLED:
        return refused()
    told = f"printed {answer.text[:_LONGEST_QUOTE]!r}" if answer.text.strip() else "printed nothing"
    return SchedulerUnavailable(
        f"{program} ended with {answer.status} and {told}, but no id: the job is looked for by its name"
    )


def results(
    answers: Sequence[Answer | None],
    read: Callable[[int, Answer], str | GatewayError],
) -> list[str | GatewayError]:
    """Return each answer as read by `read`; a job without one has the error that ended the script."""
    last: GatewayError = SchedulerUnavailable("the scheduler does not answer: the submission has ended early")
    found: list[str | GatewayError] = []
    for place, answer in enumerate(answers):
        result = last if answer is None else read(place, answer)
        if isinstance(result, GatewayError) and result.transient:
            last = result
        found.append(result)
    return found
