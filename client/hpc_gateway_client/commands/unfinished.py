"""The text that an interrupted `hpc-gateway run` leaves: accepted work, and the commands to go on with it."""

import os
import shlex
import sys
from collections.abc import Iterator

from hpc_gateway_client.commands.output import LOCAL_URL
from hpc_gateway_client.commands.temporary_objects import TemporaryObjects
from hpc_gateway_client.commands.workflow import Workflow
from hpc_gateway_client.errors import Refused
from hpc_gateway_client.models import Job, Transfer


def describe_unfinished(
    work: Workflow, objects: TemporaryObjects, error: BaseException, url: str
) -> list[str]:
    """Return the lines that name the accepted work and the commands to come back to it."""
    goes_on = any(not row.ended for row in work.rows.values())
    resumes = goes_on or not isinstance(error, Refused)  # a refused request would be refused again
    resuming = _resuming(work) if resumes else ()
    return [*_accepted(work, url), *_uncertain(work, objects, url), *resuming]


def _accepted(work: Workflow, url: str) -> Iterator[str]:
    rows = [row for row in work.rows.values() if not row.ended]
    if rows:
        yield "The gateway has accepted this work, and it goes on without this command:"
    for row in rows:
        group = _group(row)
        yield f"  {row.kind} {row.id} {row.state}"
        yield f"    watch it:  {_command(group, 'watch', str(row.id), url=url)}"
        yield f"    cancel it: {_command(group, 'cancel', str(row.id), url=url)}"


def _uncertain(work: Workflow, objects: TemporaryObjects, url: str) -> Iterator[str]:
    for request in work.uncertain:
        group = "jobs" if request == "job" else "transfers"
        yield f"The gateway did not answer, and may have accepted the request {request}:"
        yield f"    look for it: {_command(group, 'list', '--since', '1h', url=url)}"
    kept = [key for key in objects.held if any(key in request for request in work.uncertain)]
    if kept:
        yield f"    its object stays in the bucket: {', '.join(kept)}"


def _resuming(work: Workflow) -> Iterator[str]:
    """Name the rows from which the next run can go on: the job and results on their way, or the input."""
    rows = [row for row in work.rows.values() if row.succeeded or not row.ended]
    if any(isinstance(row, Job) for row in rows):  # the object of a result that has ended is removed
        rows = [row for row in rows if isinstance(row, Job) or (row.kind == "s3_result" and not row.ended)]
    elif work.job is not None:
        rows = []
    if rows:
        words = [word for row in rows for word in ("--resume", str(row.id))]
        yield "Go on until the result is here:"
        yield f"    {shlex.join(['hpc-gateway', *_words(), *words])}"


def _words() -> list[str]:
    """Return the words of this command, without those that name rows of an earlier one."""
    words = iter(sys.argv[1:])
    kept = []
    for word in words:
        if word == "--resume":
            next(words, None)
        elif not word.startswith("--resume="):
            kept.append(word)
    return kept


def _group(row: Transfer | Job) -> str:
    return "jobs" if isinstance(row, Job) else "transfers"


def _command(*words: str, url: str) -> str:
    known = os.environ.get("GATEWAY_URL", LOCAL_URL) == url
    return shlex.join(["hpc-gateway", *words, *([] if known else ["--url", url])])
