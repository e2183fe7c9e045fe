"""Growth of a sweep: its members that ended by memory or time run again with twice of it, and no other."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from gateway.clusters.limits import Limits
from gateway.jobs import lifecycle
from gateway.jobs.growth import GROWN, decide_growth, limit_of
from gateway.jobs.member_ending import MemberEnd, join_warnings, record_ends
from gateway.jobs.member_submissions import update_members
from gateway.jobs.members import FRESH
from gateway.jobs.resources import Granted
from gateway.models import Job, JobMember
from gateway.states import JobState
from gateway.work.claims import Claim, lock_claimed


@dataclass(frozen=True)
class SweepGrowth:
    """The decision on the ends of a round: the final ones, the others, and the resources of the next run."""

    final: list[MemberEnd]
    grown: list[MemberEnd]
    resources: Granted
    reason: str = ""


def decide_sweep_growth(
    job: Job, limits: Limits, members: Sequence[JobMember], ends: Sequence[MemberEnd]
) -> SweepGrowth:
    """Decide which members run again; an end that is final for want of room says so in its reason."""
    found = SweepGrowth([end for end in ends if end.state not in GROWN], [], job.resources)
    for state in GROWN:
        if some := [end for end in ends if end.state is state]:
            found = _add(found, job, limits, members, some)
    return found


def _add(
    found: SweepGrowth, job: Job, limits: Limits, members: Sequence[JobMember], ends: list[MemberEnd]
) -> SweepGrowth:
    """Return the decision with that on the members that ended in one state."""
    state = JobState(ends[0].state)
    growth = decide_growth(job, limits, state, _largest_finding(members, ends, GROWN[state]))
    if growth.resources is None:
        told = [replace(end, reason="; ".join(filter(None, (end.reason, growth.reason)))) for end in ends]
        return replace(found, final=[*found.final, *told])
    again = [replace(end, reason=f"{growth.reason}: {end.reason}") for end in ends]
    words = f"{len(ends):,} of {len(members):,} members {growth.reason}: {ends[0].reason}"
    larger = {GROWN[state]: growth.resources[GROWN[state]]}
    return SweepGrowth(
        found.final,
        [*found.grown, *again],
        found.resources | larger,
        "; ".join(filter(None, (found.reason, words))),
    )


def _largest_finding(
    members: Sequence[JobMember], ends: Sequence[MemberEnd], key: str
) -> dict[str, Any] | None:
    """Return the finding of the member with the largest limit that the scheduler tells."""
    numbers = {end.number for end in ends}
    findings = (member.finding for member in members if member.number in numbers)
    return max(findings, key=lambda finding: limit_of(finding, key) or 0, default=None)


def record_growth(session: Session, claim: Claim, growth: SweepGrowth) -> None:
    """Make the other ends final, and send the members that grow to another run, in this transaction."""
    job = lock_claimed(session, Job, claim)
    record_ends(session, job, growth.final)
    job.warnings = list(dict.fromkeys((*job.warnings, *join_warnings(growth.final))))
    update_members(session, job.id, {end.number: FRESH | {"reason": end.reason} for end in growth.grown})
    job.members_left = len(growth.grown)
    lifecycle.run_again(session, claim, growth.resources, growth.reason)
