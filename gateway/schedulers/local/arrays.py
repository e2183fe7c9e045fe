"""Job arrays of the local scheduler: each member is an entry of the queue, and all share one script.

The script lies in the array's folder and is linked into each member's, where the launch looks for it.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from gateway.attempt_files import attempt_file_errors
from gateway.schedulers import batch_script
from gateway.schedulers.arrays import array_id, member_folder, member_name, split_name
from gateway.schedulers.attempt_record import read_start
from gateway.schedulers.base import JobSpec, SubmittedJob
from gateway.schedulers.local.spool import Spool, SpoolEntry, write_atomically


def add_array(spool: Spool, numbers: Mapping[str, int], spec: JobSpec) -> str:
    """Add the members that are not in the queue and have not started; return the array's number."""
    spec.folder.mkdir(parents=True, exist_ok=True)
    write_atomically(spec.folder / batch_script.SCRIPT, batch_script.render(spec))
    array = _known_array(numbers, spec)
    for index, name in enumerate(members_of(spec.name, spec.array_size), 1):
        folder = member_folder(spec.folder, index)
        if name not in numbers and read_start(folder) is None:
            folder.mkdir(exist_ok=True)
            with attempt_file_errors(batch_script.SCRIPT), suppress(FileExistsError):
                os.link(spec.folder / batch_script.SCRIPT, folder / batch_script.SCRIPT)
            entry = spool.add(name, folder, spec.ranks * spec.threads, array)
            array = entry.array
    return str(array)


def _known_array(numbers: Mapping[str, int], spec: JobSpec) -> int:
    """Return the number that an earlier call gave to the array, or 0: it is that of the first member."""
    first = numbers.get(member_name(spec.name, 1))
    if first is not None:
        return first
    start = read_start(member_folder(spec.folder, 1))
    return 0 if start is None else int(array_id(start.scheduler_id) or 0)


def members_of(name: str, array_size: int) -> list[str]:
    """Return the names of the jobs in the queue: of the members of an array, or of the job itself."""
    if array_size == 1:
        return [name]
    return [member_name(name, index) for index in range(1, array_size + 1)]


def submitted_members(job: SubmittedJob) -> list[SubmittedJob]:
    """Return the members of an array as submitted jobs, or the job itself."""
    if job.array_size == 1:
        return [job]
    names = enumerate(members_of(job.name, job.array_size), 1)
    return [replace(job, name=name, folder=member_folder(job.folder, k), array_size=1) for k, name in names]


def named_entries(spool: Spool, name: str, number: int) -> list[SpoolEntry]:
    """Return the job of this name and number, or the members of the array of this name and number."""
    entry = spool.entry(number)
    if entry is None or entry.array == 0:
        return [entry] if entry is not None and entry.name == name else []
    return [each for each in spool.entries() if each.array == number and split_name(each.name)[0] == name]
