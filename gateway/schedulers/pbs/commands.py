"""The calls of PBS's commands in a clean environment, and their failures as the gateway's errors."""

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from gateway.command_runners.base import CommandError, CommandResult, CommandRunner
from gateway.errors import SchedulerError, SchedulerUnavailable
from gateway.schedulers.clean_environment import in_clean_environment
from gateway.schedulers.pbs import records
from gateway.schedulers.pbs.errors import HAS_FINISHED, UNKNOWN_JOB, pbs_error
from gateway.schedulers.pbs.records import PbsJob
from gateway.schedulers.script_channel import submission_argv

_log = logging.getLogger(__name__)
_Read = TypeVar("_Read")
LIST_LIMIT = 128 * 2**20  # a document has some 2 kB for each job
AT_ONCE = 200  # ids of one call, which takes a second
_UNKNOWN = re.compile(r"^qstat: Unknown Job Id (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Known:
    """The records of some ids, and the numbers of those that PBS has named as unknown."""

    jobs: list[PbsJob]
    unknown: frozenset[str]


class PbsCommands:
    """Where PBS's commands run; `path` leads to them."""

    def __init__(self, runner: CommandRunner, path: str) -> None:
        self._runner, self._path = runner, path

    @cached_property
    def user(self) -> str:
        """The name of the account as which the commands run."""
        return self._checked("id", "-un").decode(errors="replace").strip()

    def unfinished_jobs(self) -> list[PbsJob]:
        """Return the account's jobs that have not ended, from one call for those of all accounts.

        With ids the document would have the first of them alone. Where a text in it breaks the document, the
        account's own jobs are asked for by their ids, as lines that no other user writes in.
        """
        try:
            found = records.pbs_jobs(records.parse_answer(self._checked("qstat", "-f", "-F", "json")))
        except records.UNKNOWN_LAYOUT as error:
            _log.warning("the jobs are read by lines, as qstat's JSON cannot be used: %s", error)
            ids = self._checked("qselect", "-u", self.user).decode(errors="replace").split()
            found = self.known_jobs(ids, with_ended=False).jobs
        own = [job for job in found if job.owner == self.user]
        return [member for job in own for member in (self.members(job) if job.is_array else [job])]

    def members(self, array: PbsJob) -> list[PbsJob]:
        """Return the records of the array and of its members; none for one that has ended meanwhile.

        Some versions print members as a broken document.
        """
        printed = self._print_members(array, "json")
        try:
            return records.pbs_jobs(records.parse_answer(printed)) if printed else []
        except records.UNKNOWN_LAYOUT as error:
            _log.warning(
                "the members of %s are read by lines, as their JSON cannot be used: %s", array.id, error
            )
            return records.jobs_of_lines(self._print_members(array, "dsv"))

    def _print_members(self, array: PbsJob, form: str) -> bytes:
        result = self._run(["qstat", "-f", "-t", "-F", form, array.id])
        if result.status in {UNKNOWN_JOB, HAS_FINISHED}:
            return b""
        if result.status != 0:
            raise pbs_error("qstat", result.status, result.stderr.decode(errors="replace"))
        return result.stdout

    def known_jobs(self, ids: Sequence[str], *, with_ended: bool) -> Known:
        """Return the account's records of these ids. A job that is missing is gone only if PBS says so.

        A job of another account may have the name of ours, or its id after a new start of the server.
        """
        jobs: list[PbsJob] = []
        unknown: set[str] = set()
        for start in range(0, len(ids), AT_ONCE):
            options = ["-x"] if with_ended else []
            argv = ["qstat", *options, "-f", "-F", "dsv", *ids[start : start + AT_ONCE]]
            result = self._run(argv)
            printed = result.stderr.decode(errors="replace")
            if result.status not in {0, UNKNOWN_JOB, HAS_FINISHED}:
                raise pbs_error("qstat", result.status, printed)
            shown = records.jobs_of_lines(result.stdout)
            jobs += [job for job in shown if job.owner == self.user]
            unknown |= {job.number for job in shown if job.owner != self.user}
            unknown |= set(map(records.sequence_number, _UNKNOWN.findall(printed)))
        return Known(jobs, frozenset(unknown))

    def find_ids(self, name: str, *, with_ended: bool) -> list[str]:
        """Return the ids of the jobs of exactly this name."""
        options = ["-x"] if with_ended else []
        return self._checked("qselect", *options, "-N", name).decode(errors="replace").split()

    def keeps_history(self) -> bool:
        """Tell whether the server keeps its ended jobs."""
        return self._ask(records.keeps_history, "qstat", "-B", "-f", "-F", "json")

    def largest_array(self) -> int:
        """Return the most members of an array that the server takes."""
        return self._ask(records.largest_array, "qstat", "-B", "-f", "-F", "json")

    def queues(self) -> list[records.PbsQueue]:
        """Return the queues."""
        return self._ask(records.pbs_queues, "qstat", "-Q", "-f", "-F", "json")

    def nodes(self) -> list[records.PbsNode]:
        """Return the nodes."""
        return self._ask(records.pbs_nodes, "pbsnodes", "-a", "-F", "json")

    def delete(self, job_id: str) -> None:
        """Delete one job. Several ids in one call can kill a server, of which one is unknown."""
        result = self._run(["qdel", job_id])
        if result.status not in {0, UNKNOWN_JOB, HAS_FINISHED}:
            raise pbs_error("qdel", result.status, result.stderr.decode(errors="replace"))

    def submit(self, jobs: bytes, count: int) -> bytes:
        """Run the script that submits these jobs and return its answers."""
        argv = submission_argv("qsub", self._path)
        return self._call(argv, stdin=jobs, timeout_s=60.0 + 5 * count).stdout

    def _ask(self, read: Callable[[dict[str, Any]], _Read], *argv: str) -> _Read:
        return self._parsed(argv, read, self._checked(*argv))

    @staticmethod
    def _parsed(argv: Sequence[str], read: Callable[[dict[str, Any]], _Read], printed: bytes) -> _Read:
        try:
            return read(records.parse_answer(printed))
        except records.UNKNOWN_LAYOUT as error:
            raise SchedulerError(f"the output of {' '.join(argv)} cannot be read: {error}") from error

    def _checked(self, *argv: str) -> bytes:
        result = self._run(argv)
        if result.status != 0:
            raise pbs_error(argv[0], result.status, result.stderr.decode(errors="replace"))
        return result.stdout

    def _run(self, argv: Sequence[str]) -> CommandResult:
        return self._call(in_clean_environment(argv, self._path))

    def _call(self, argv: Sequence[str], stdin: bytes = b"", timeout_s: float = 60.0) -> CommandResult:
        try:
            return self._runner.run(argv, stdin=stdin, timeout_s=timeout_s, limit=LIST_LIMIT)
        except CommandError as error:
            if error.transient:
                raise SchedulerUnavailable(f"PBS does not answer: {error.detail}") from error
            raise SchedulerError(error.detail) from error
