"""Members whose runs outlive the end of their job's submission: their ends are read before the job ends.

A submission may end for good while the scheduler has earlier members, or while the results of ended ones are
not read yet. Such a job ends by its watcher, with these members.
"""

from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session

from gateway.db import utc_now
from gateway.errors import Fault
from gateway.models import Job, JobMember, Transfer
from gateway.states import BEFORE_SCHEDULER, IN_SCHEDULER, JobState, State
from gateway.work.transitions import move

_GOES_ON = "the members that were submitted go on to their ends"
_RUNS = and_(JobMember.state.in_(IN_SCHEDULER), JobMember.finding.is_(None))
_IS_UNREAD = and_(JobMember.finding.is_not(None), JobMember.usage.is_(None))


def leave_to_watcher(
    session: Session, row: Transfer | Job, to: State, reason: str, fault: Fault | None = None
) -> bool:
    """End the members that were not submitted, and watch the others; False where there is no other."""
    if not isinstance(row, Job) or not row.member_count or row.finding is not None:
        return False
    mine = JobMember.job_id == row.id
    if session.scalar(select(JobMember.number).where(mine, or_(_RUNS, _IS_UNREAD)).limit(1)) is None:
        return False
    unsubmitted = update(JobMember).where(mine, JobMember.state.in_(BEFORE_SCHEDULER))
    ended = unsubmitted.values(state=to, reason=reason, fault=fault, ended_at=utc_now())
    session.execute(ended.execution_options(synchronize_session="fetch"))
    move(session, row, JobState.PENDING, f"{reason}; {_GOES_ON}")
    row.claim += 1  # fences the worker whose submission has ended
    row.failures = 0
    row.lease_until = row.retry_at = row.turn_at = row.next_send_at = row.message_id = None
    row.submitted_at, row.heard_until = row.submitted_at or utc_now(), None
    return True
