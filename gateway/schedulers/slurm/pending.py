"""The reason why a job is pending in Slurm's queue, in plain words."""

from dataclasses import replace
from datetime import datetime, timedelta

from gateway.schedulers.slurm.limit_reasons import PendingReason
from gateway.schedulers.slurm.pending_reasons import find_reason
from gateway.schedulers.slurm.records import SlurmJob

# A larger number of jobs ahead is rounded down, so that a long queue does not rewrite thousands of rows
# with every job that leaves it.
_EXACT_POSITIONS = 10

# Slurm predicts a start in a year behind jobs without a time limit; a later start than this is not shown.
_LONGEST_FORECAST = timedelta(days=60)


def pending_reason(job: SlurmJob, ahead: int, free_nodes: int, now: datetime) -> str:
    """Return the cause of the wait, the number of jobs ahead and the start that Slurm expects.

    `free_nodes` of its partition have enough free CPUs for its share now.
    """
    cause = _cause(job)
    lacking = f"waiting for {_missing_resources(job, free_nodes)}" if waits_for_nodes(job) else ""
    parts = [lacking or f"waiting: {cause.sentence}"]
    if cause.lifts:
        parts += [_queue_position(ahead), _expected_start(job.start_at, now)]
    return "; ".join(part for part in parts if part)


def waits_for_nodes(job: SlurmJob) -> bool:
    """Tell whether free nodes are the only thing that the job waits for."""
    return job.state == "PENDING" and job.reason.partition(",")[0] == "Resources"


def _missing_resources(job: SlurmJob, free_nodes: int) -> str:
    share = _count(job.cpus_per_node, "free CPU")
    if free_nodes >= job.nodes:
        return f"memory or another resource beside {_count(job.cpus, 'free CPU')}"
    if job.nodes == 1:
        return f"a node with {share}"
    return f"{job.nodes - free_nodes} of {job.nodes} nodes with {share} each"


def _cause(job: SlurmJob) -> PendingReason:
    word, detail = _split(job.reason)
    known = find_reason(word)
    if known is None:
        return PendingReason(f"Slurm says {job.reason!r}", lifts="held" not in job.reason)
    return replace(known, sentence=f"{known.sentence} ({detail})") if detail else known


def _split(reason: str) -> tuple[str, str]:
    """Return Slurm's word and its details, as in "ReqNodeNotAvail, UnavailableNodes:n[1-2]" or "Word (x)"."""
    word, _, detail = reason.partition(" (")
    if not detail:
        word, _, detail = reason.partition(",")
    return word.strip(), detail.strip().removesuffix(")")


def _queue_position(ahead: int) -> str:
    if ahead == 0:
        return ""
    if ahead > _EXACT_POSITIONS:
        step = 10 ** (len(str(ahead)) - 1)
        return f"{ahead // step * step} jobs or more are ahead in the queue"
    return f"{_count(ahead, 'job')} {'is' if ahead == 1 else 'are'} ahead in the queue"


def _expected_start(start_at: datetime | None, now: datetime) -> str:
    if start_at is None or not now < start_at < now + _LONGEST_FORECAST:
        return ""
    form = "%H:%M UTC" if start_at.date() == now.date() else "%Y-%m-%d %H:%M UTC"
    return f"Slurm expects to start it at {start_at.strftime(form)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
