"""The ends of members, read from their folders, and the end of their job, which is derived from them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from gateway.clusters.configuration import Cluster
from gateway.errors import Fault
from gateway.filesystems.opening import open_filesystem
from gateway.jobs import lifecycle
from gateway.jobs.ending import read_ending
from gateway.jobs.folders import output_folder
from gateway.jobs.member_runs import ended_arrays, open_member
from gateway.jobs.member_submissions import update_members
from gateway.jobs.member_table import TABLE, member_table
from gateway.jobs.run_folders import prevent_start_in
from gateway.jobs.usage import measure_usage
from gateway.models import Job, JobMember
from gateway.schedulers.base import Accounting, SubmittedJob
from gateway.states import JobState, is_final
from gateway.work.claims import Claim, lock_claimed
from gateway.work.failures import ON_REQUEST

_MOST_WARNINGS = 20


@dataclass(frozen=True)
class MemberEnd:
    """The end of a member as its folders tell it."""

    number: int
    state: JobState
    reason: str
    fault: Fault | None
    outputs: list[dict[str, Any]]
    usage: dict[str, Any]
    warnings: list[str]


@dataclass(frozen=True)
class SweepEnd:
    """The end of the job: its state, the reason, and the exit code and the fault that members have first."""

    state: JobState
    reason: str
    exit_code: int | None = None
    fault: Fault | None = None


def read_ends(
    job: Job, members: Sequence[JobMember], cluster: Cluster, figures: Mapping[str, Accounting]
) -> list[MemberEnd]:
    """Return the ends of the members that the watcher has found and that are not read yet.

    `figures` are those of the scheduler's accounting.
    """
    return [
        _read_end(job, member, cluster, figures.get(member.name)) for member in members if is_unread(member)
    ]


def unread_arrays(job: Job, members: Sequence[JobMember]) -> list[SubmittedJob]:
    """Return the arrays of the members whose ends are not read yet."""
    return ended_arrays(job, [member for member in members if is_unread(member)])


def is_unread(member: JobMember) -> bool:
    """Tell whether the folders of an ended member are still to be read."""
    return member.finding is not None and member.usage is None


def _read_end(job: Job, member: JobMember, cluster: Cluster, figures: Accounting | None) -> MemberEnd:
    folders = open_member(job, member, cluster)
    usage, warnings = measure_usage(job, folders, figures)
    state, reason, outputs = read_ending(job, cluster, folders, usage, member.finding)
    if state is not JobState.SUCCEEDED:
        prevent_start_in(folders.control)
    fault = lifecycle.fault_of_job(state, member.exit_code)
    return MemberEnd(member.number, state, reason, fault, outputs, usage, warnings)


def write_table(job: Job, cluster: Cluster, members: Sequence[JobMember], ends: Sequence[MemberEnd]) -> None:
    """Put the ends on the members, and write the table of all members beside their outputs."""
    told = {end.number: end for end in ends}
    for member in members:
        if (end := told.get(member.number)) is not None:
            member.state, member.reason, member.fault = end.state, end.reason, end.fault
            member.outputs, member.usage = end.outputs, end.usage
    open_filesystem(cluster, job.owner).write_text(output_folder(job) / TABLE, member_table(members))


def record_ends(session: Session, job: Job, ends: Sequence[MemberEnd]) -> None:
    """Make the ends of members final."""
    columns = ("state", "reason", "fault", "outputs", "usage", "warnings")
    update_members(session, job.id, {end.number: {c: getattr(end, c) for c in columns} for end in ends})


def record_end(
    session: Session, claim: Claim, members: Sequence[JobMember], ends: Sequence[MemberEnd]
) -> SweepEnd:
    """Make the ends of the members and that of their job final, in this transaction; return the latter."""
    job = lock_claimed(session, Job, claim)
    record_ends(session, job, ends)
    found = _derive_end(job, members)
    job.finding = {"state": found.state, "exit_code": found.exit_code, "reason": found.reason}
    lifecycle.finish(
        session,
        claim,
        found.state,
        found.reason,
        outputs=[],
        usage=_sum_usage(job, [member.usage for member in members]),
        warnings=join_warnings(ends),
        fault=found.fault,
    )
    return found


def _derive_end(job: Job, members: Sequence[JobMember]) -> SweepEnd:
    """Return the end of the job: that of its members where all without success ended alike, else failed."""
    failed = [member for member in members if member.state is not JobState.SUCCEEDED]
    counts = Counter(member.state for member in failed)
    if not failed:
        return SweepEnd(JobState.SUCCEEDED, "", exit_code=0)
    if job.cancel_requested_at is not None and counts[JobState.CANCELLED]:
        return SweepEnd(JobState.CANCELLED, ON_REQUEST)
    state = next(iter(counts)) if len(counts) == 1 and is_final(next(iter(counts))) else JobState.FAILED
    first = failed[0]
    told = f": {first.reason}" if first.reason else ""
    words = ", ".join(f"{number:,} {word}" for word, number in sorted(counts.items()))
    fault = next((member.fault for member in failed if member.fault), None)
    summary = f"{len(failed):,} of {len(members):,} members did not succeed ({words})"
    return SweepEnd(state, f"{summary}; member {first.number:04d}{told}", first.exit_code, fault)


def _sum_usage(job: Job, usages: Sequence[dict[str, Any] | None]) -> dict[str, Any]:
    """Return the usage of all members together: sums, but for memory and ranks, which are the largest."""
    known = [usage for usage in usages if usage]
    largest = ("cpus_requested", "ranks_measured", "memory_requested_bytes", "memory_peak_bytes")
    total = {
        key: _sum(usage[key] for usage in known) for key in ("wall_s", "cpu_s", "read_bytes", "written_bytes")
    }
    most = {key: max((u[key] for u in known if u[key] is not None), default=None) for key in largest}
    cpus = job.params["num_mpi_procs"] * job.params["num_thread"]
    return {
        **total,
        **most,
        "cpus_requested": cpus,
        "ranks_measured": most["ranks_measured"] or 0,
        "cpu_efficiency": _ratio(total["cpu_s"], total["wall_s"] and total["wall_s"] * cpus),
        "memory_efficiency": _ratio(most["memory_peak_bytes"], most["memory_requested_bytes"]),
        "accounting": _sum_accounting([usage["accounting"] for usage in known if usage.get("accounting")]),
    }


def _sum_accounting(known: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return the scheduler's figures of all members together, in the same way."""
    if not known:
        return None
    memory = max((each["resident_memory_bytes"] or 0 for each in known), default=0)
    sums = {key: _sum(each[key] for each in known) for key in ("elapsed_s", "cpu_s")}
    return {**sums, "resident_memory_bytes": memory or None}


def _sum(values: Any) -> float | None:
    found = [value for value in values if value is not None]
    return sum(found) if found else None


def _ratio(used: float | None, requested: float | None) -> float | None:
    return round(used / requested, 4) if used is not None and requested else None


def join_warnings(ends: Sequence[MemberEnd]) -> list[str]:
    """Return the first warnings of the members, each once."""
    return list(dict.fromkeys(text for end in ends for text in end.warnings))[:_MOST_WARNINGS]
