"""The submission of a sweep: its members in as few job arrays as the scheduler takes, each exactly once.

Each step is committed before the next begins: the run's folders, the places of the members in their arrays,
the id of each array. A claim that repeats another looks for the placed arrays by their names and adopts them.
An array that a limit of the account refuses is submitted in halves; members that find no room wait until the
others have ended.
"""

import logging
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict

from gateway.clusters.served import cluster_of
from gateway.db import session_scope
from gateway.errors import ArrayTooLarge, Cancelled, SchedulerError
from gateway.jobs import member_submissions as records
from gateway.jobs.member_runs import (
    array_spec,
    by_array,
    distinct_folders,
    open_member,
    place_members,
    submitted_array,
)
from gateway.jobs.members import load_members
from gateway.jobs.placement import check_placement
from gateway.jobs.run_folders import create_run, open_run, take_start_in
from gateway.jobs.submissions import Run
from gateway.models import Job, JobMember
from gateway.schedulers.opening import open_scheduler
from gateway.states import JobState
from gateway.work.claims import Claim
from gateway.work.failures import ON_REQUEST
from workers.client_files import open_client_files
from workers.lease_keeper import LeaseKeeper

WAITING = "it waits until other members have ended, as the scheduler takes no more at once"
_UNPLACED = frozenset({JobState.ACCEPTED, JobState.RETRYING})
_log = logging.getLogger(__name__)


class SweepSubmission:
    """A claimed sweep on its way to the scheduler of its cluster."""

    def __init__(self, job: Job, claim: Claim, keeper: LeaseKeeper) -> None:
        self._job, self._claim, self._keeper = job, claim, keeper
        self._cluster = cluster_of(job)
        self._scheduler = open_scheduler(self._cluster)
        with session_scope(read_only=True) as session:
            self._members = load_members(session, job.id)

    def run(self) -> None:
        """Submit the members that the scheduler does not have, and hand the job to the watcher.

        An error is raised where the scheduler has no member. Else the members that it has go on, and the
        others are submitted when those have ended.
        """
        try:
            self._submit()
        except SchedulerError as error:
            if not records.in_scheduler(self._members):
                raise
            _log.warning("%s: some members wait: %s", self._claim.id, error.detail)
        self._hand_over()

    def _submit(self) -> None:
        for members in self._placed():
            found = self._scheduler.find(submitted_array(self._job, members))
            if found is not None:
                self._record_array(members, found.scheduler_id)
        if self._job.cancel_requested_at is not None:
            self._end_cancelled()
            return
        for members in self._placed():
            self._submit_array(members)
        self._submit_unplaced()

    def _placed(self) -> list[list[JobMember]]:
        """Return the arrays that the scheduler may have: an earlier claim recorded their places."""
        return list(by_array([m for m in self._members if m.state is JobState.SUBMITTING]).values())

    def _submit_unplaced(self) -> None:
        """Submit the members without a place, in halves of an array that a limit refuses."""
        self._return_started()
        size = self._scheduler.largest_array()
        if self._unplaced():
            self._settle_run()
        while members := self._unplaced()[:size]:
            self._place(members)
            if not self._submit_array(members):
                size = len(members) // 2

    def _unplaced(self) -> list[JobMember]:
        return self._members_in(_UNPLACED)

    def _members_in(self, states: AbstractSet[JobState]) -> list[JobMember]:
        return [member for member in self._members if member.state in states]

    def _return_started(self) -> None:
        """Give back to the watcher each member that is to run again but has started meanwhile."""
        lost = [m for m in self._members if m.state is JobState.RETRYING and m.name]
        started = [m for m in lost if not self._take_start(m)]
        for members in by_array(started).values():
            self._record_array(members, "")

    def _settle_run(self) -> None:
        """Create the folders of the job's run, unless they are on record."""
        self._keeper.check(self._claim)
        files = open_client_files(self._cluster, self._job.owner)
        for folders in distinct_folders(self._job, self._cluster, self._unplaced()):
            self._keeper.check(self._claim)
            check_placement(folders, self._job.services.split(), files)
        if open_run(self._job, self._cluster).are_intact(self._job):
            return
        number, identity = create_run(self._job, self._cluster)
        run = Run(number, str(self._cluster.control), identity)
        with self._keeper.rows_lock, session_scope() as session:
            records.record_run(session, self._claim, run)
        for name, value in asdict(run).items():
            setattr(self._job, name, value)

    def _place(self, members: Sequence[JobMember]) -> None:
        self._keeper.check(self._claim)
        used = [m.array for m in self._members if m.run == self._job.run and m.name]
        place_members(self._job, self._cluster, members, max(used, default=-1) + 1)
        with self._keeper.rows_lock, session_scope() as session:
            records.record_places(session, self._claim, members)
        for member in members:
            member.state = JobState.SUBMITTING

    def _submit_array(self, members: Sequence[JobMember]) -> bool:
        """Submit an array whose places are recorded; take the places back where it is too large now."""
        self._keeper.check(self._claim)
        try:
            scheduler_id = self._scheduler.submit(array_spec(self._job, self._cluster, members))
        except ArrayTooLarge:
            self._record_unplaced(members, JobState.ACCEPTED, WAITING)
            return False
        self._record_array(members, scheduler_id)
        return True

    def _record_array(self, members: Sequence[JobMember], scheduler_id: str) -> None:
        with self._keeper.rows_lock, session_scope() as session:
            records.record_array(session, self._claim, members, scheduler_id)
        for member in members:
            member.state, member.scheduler_id, member.finding = JobState.PENDING, scheduler_id, None

    def _record_unplaced(self, members: Sequence[JobMember], state: JobState, reason: str) -> None:
        with self._keeper.rows_lock, session_scope() as session:
            records.record_unplaced(session, self._claim, members, state, reason)
        for member in members:
            member.state = state

    def _take_start(self, member: JobMember) -> bool:
        """Take the place of the member's start; False when it has started."""
        return take_start_in(open_member(self._job, member, self._cluster).control)

    def _end_cancelled(self) -> None:
        """End the members that the scheduler does not have; a late submission of them starts nothing."""
        left = self._members_in({*_UNPLACED, JobState.SUBMITTING})
        for member in left:
            if member.name:
                self._take_start(member)
        if not records.in_scheduler(self._members):
            raise Cancelled(ON_REQUEST)
        self._record_unplaced(left, JobState.CANCELLED, ON_REQUEST)

    def _hand_over(self) -> None:
        waiting = len(self._members_in({*_UNPLACED, JobState.SUBMITTING}))
        reason = f"{waiting:,} members wait until others have ended" if waiting else ""
        with self._keeper.rows_lock, session_scope() as session:
            records.record_submission(session, self._claim, reason)
        self._keeper.release(self._claim)
