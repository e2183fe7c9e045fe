"""The accounting: the records that slurmdbd keeps of submitted jobs, asked for in one query."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.schedulers.arrays import array_id, split_name
from gateway.schedulers.base import Accounting, SubmittedJob

NO_NODES = "None assigned"  # the list of nodes of a job that got none
STORAGE_TYPE = "accounting_storage/slurmdbd"
ID = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)  # those of a federation have up to ten digits
_CLOCKS = timedelta(days=1)  # the clocks of API, cluster and worker differ by less


def load_records(slurm: Any, jobs: Sequence[SubmittedJob], user_id: int) -> list[Any]:
    """Return pyslurm's records of these jobs; one query is enough where no two jobs have one id."""
    records: list[Any] = []
    for group in group_by_distinct_ids(list(dict.fromkeys(map(submission_of, jobs)))):
        condition = slurm.db.JobFilter(users=[user_id], **job_filter(group))
        records += slurm.db.Jobs.load(condition).values()
    return records


def submission_of(job: SubmittedJob) -> SubmittedJob:
    """Return the array of a member: one question is about all its members."""
    name, index = split_name(job.name)
    if index is None:
        return job
    return replace(job, name=name, scheduler_id=array_id(job.scheduler_id), folder=job.folder.parent)


def group_by_distinct_ids(jobs: Sequence[SubmittedJob]) -> list[list[SubmittedJob]]:
    """Return the jobs in groups without an id that is there twice; jobs of which no id is known are apart.

    Of several jobs with one id, which a restarted slurmctld gives again, slurmdbd returns the newest alone.
    """
    groups: list[dict[str, SubmittedJob]] = []
    for job in filter(_has_id, jobs):
        free = next((group for group in groups if job.scheduler_id not in group), None)
        if free is None:
            groups.append(free := {})
        free[job.scheduler_id] = job
    unknown = [job for job in jobs if not _has_id(job)]
    return [list(group.values()) for group in groups] + [unknown] * bool(unknown)


def job_filter(jobs: Sequence[SubmittedJob]) -> dict[str, object]:
    """Return pyslurm's filter of a group.

    With ids slurmdbd searches all times. Without them it searches today alone unless it is given a start, and
    hides jobs that ended while they were held.
    """
    names = {"names": [job.name for job in jobs]}
    if all(map(_has_id, jobs)):
        return names | {"ids": [int(job.scheduler_id) for job in jobs]}
    start, end = min(job.created_at for job in jobs) - _CLOCKS, datetime.now(UTC) + _CLOCKS
    return names | {"start_time": int(start.timestamp()), "end_time": int(end.timestamp())}


def _has_id(job: SubmittedJob) -> bool:
    return ID.fullmatch(job.scheduler_id) is not None


def measurements(record: Any) -> Accounting:
    """Return the measurements of a record, in which Slurm reports 0 for a figure that it does not gather."""
    return Accounting(
        elapsed_s=record.elapsed_time or None,
        cpu_s=record.stats.total_cpu_time or None,
        resident_memory_bytes=record.stats.resident_memory or None,
    )
