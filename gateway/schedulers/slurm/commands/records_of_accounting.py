"""The accounting by `sacct`: the records that slurmdbd keeps of submitted jobs, and their measurements."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from gateway.schedulers.base import Accounting, SubmittedJob
from gateway.schedulers.slurm.accounting import ID, job_filter, submission_of
from gateway.schedulers.slurm.commands import documents, tables
from gateway.schedulers.slurm.commands.columns import RECORD, rows, sacct_format
from gateway.schedulers.slurm.commands.forms import Forms
from gateway.schedulers.slurm.records import SlurmJob

_AT_ONCE = 500  # an argument holds at most 128 KiB
_Row = dict[str, str]


class SlurmAccounting:
    """The answers of sacct; `run` runs a command and returns its output."""

    def __init__(self, run: Callable[..., bytes], forms: Forms) -> None:
        self._run, self._forms = run, forms

    def jobs(self, jobs: Sequence[SubmittedJob], user_id: int) -> list[SlurmJob]:
        """Return the records of these jobs, by name; several of one name are copies."""
        folders = {job.name: job.folder for job in jobs}
        found: list[SlurmJob] = []
        for arguments in _arguments(list(dict.fromkeys(map(submission_of, jobs))), user_id):
            found += self._jobs(arguments, user_id)
        return [replace(job, folder=folders[job.name]) for job in found if job.name in folders]

    def _jobs(self, arguments: list[str], user_id: int) -> list[SlurmJob]:
        def by_json() -> list[SlurmJob]:
            return documents.recorded_jobs_of(self._document(arguments), user_id)

        def by_lines() -> list[SlurmJob]:
            return [tables.recorded_job(row, user_id) for row in self._rows("--allocations", *arguments)]

        return self._forms.load("sacct", by_json, by_lines)

    def measurements(self, job: SubmittedJob, user_id: int) -> list[tuple[str, Accounting]]:
        """Return the measurements of each copy of the job or member, with its name."""
        (arguments,) = _arguments([submission_of(job)], user_id)
        arguments = [f"--jobs={job.scheduler_id}" if "--jobs=" in word else word for word in arguments]

        def by_json() -> list[tuple[str, Accounting]]:
            return documents.measurements_of(self._document(arguments))

        def by_lines() -> list[tuple[str, Accounting]]:
            return _measure(self._rows(*arguments))

        return self._forms.load("sacct", by_json, by_lines)

    def _document(self, arguments: Sequence[str]) -> dict[str, object]:
        return documents.parse_document(self._run("sacct", "--json", *arguments))

    def _rows(self, *arguments: str) -> list[_Row]:
        printed = self._run("sacct", "--noheader", f"--format={sacct_format(RECORD)}", *arguments)
        return list(rows(printed, RECORD, gap=1))


def _arguments(jobs: Sequence[SubmittedJob], user_id: int) -> list[list[str]]:
    """Return the arguments of the calls that ask for these jobs, those without an id apart."""
    known = [job for job in jobs if ID.fullmatch(job.scheduler_id)]
    unknown = [job for job in jobs if not ID.fullmatch(job.scheduler_id)]
    groups = [part[i : i + _AT_ONCE] for part in (known, unknown) for i in range(0, len(part), _AT_ONCE)]
    return [["--duplicates", f"--user={user_id}", *_filter(group)] for group in groups]


def _filter(group: Sequence[SubmittedJob]) -> list[str]:
    condition = job_filter(group)
    names = f"--name={','.join(job.name for job in group)}"
    if "ids" in condition:
        return [names, f"--jobs={','.join(job.scheduler_id for job in group)}"]
    return [names, f"--starttime={_day(condition['start_time'])}", f"--endtime={_day(condition['end_time'])}"]


def _day(seconds: object) -> str:
    return datetime.fromtimestamp(int(str(seconds)), UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _measure(found: Sequence[_Row]) -> list[tuple[str, Accounting]]:
    """Return the measurements of the jobs with their names; a step has the id of its job, and a dot."""
    steps: dict[str, list[_Row]] = {}
    for row in found:
        steps.setdefault(row["JobIDRaw"].partition(".")[0], []).append(row)
    jobs = [row for row in found if row["JobIDRaw"].isdigit()]
    return [
        (tables.recorded_job(row, 0).name, tables.row_measurements(row, steps[row["JobIDRaw"]]))
        for row in jobs
    ]
