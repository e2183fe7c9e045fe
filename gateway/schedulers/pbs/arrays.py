"""Job arrays of PBS: 50[].pbs1 is an array and 50[2].pbs1 a member; the gateway's own form is 50[].pbs1_2."""

import re
from collections.abc import Iterable

from gateway.schedulers.arrays import array_id, member_folder, split_name
from gateway.schedulers.base import JobReport, SubmittedJob
from gateway.schedulers.pbs.records import PbsJob
from gateway.schedulers.pbs.starts import started_number
from gateway.states import JobState

_INDEX = re.compile(r"\[\d*\]", re.ASCII)


def whole_id(scheduler_id: str) -> str:
    """Return the id of a job, or of the array that the member of this id belongs to."""
    return _INDEX.sub("[]", array_id(scheduler_id))


def own_id(job: SubmittedJob) -> str:
    """Return the id by which PBS knows a job or member."""
    _, index = split_name(job.name)
    return _INDEX.sub("[]" if index is None else f"[{index}]", array_id(job.scheduler_id))


def id_of_start(number: str) -> str:
    """Return the id of the number that the batch script wrote down: 50, or 50_2 of a member."""
    array, _, index = number.partition("_")
    return f"{array}[{index}]" if index else array


def report_array(job: SubmittedJob, copies: Iterable[PbsJob]) -> JobReport | None:
    """Return a report that proves that the array was submitted, or None."""
    found = min((copy for copy in copies if copy.name == job.name), key=lambda copy: copy.id, default=None)
    if found is not None:
        return JobReport(job.name, found.id, JobState.PENDING)
    folders = (member_folder(job.folder, index) for index in range(1, job.array_size + 1))
    number = next(filter(None, map(started_number, folders)), "")
    return JobReport(job.name, f"{array_id(number)}[]", JobState.PENDING) if number else None
