"""The Slurm scheduler: the reports, refusals and figures that both ways to Slurm share."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from gateway.clusters.telemetry import PartitionFigures
from gateway.errors import ArrayTooLarge, GatewayError, SchedulerFull
from gateway.schedulers import batch_script
from gateway.schedulers.arrays import array_id, split_name
from gateway.schedulers.base import Accounting, JobReport, JobSpec, SubmittedJob, submit_each
from gateway.schedulers.periodic import Periodic
from gateway.schedulers.slurm import accounting, reports
from gateway.schedulers.slurm.errors import ACCOUNTING_POLICY, SlurmRefusal
from gateway.schedulers.slurm.forgotten import ForgottenJobs
from gateway.schedulers.slurm.node_count import nodes_needed
from gateway.schedulers.slurm.partitions import partition_figures
from gateway.schedulers.slurm.pending import waits_for_nodes
from gateway.schedulers.slurm.queue_snapshot import Positions, QueueSnapshot, Room
from gateway.schedulers.slurm.records import SlurmJob, SlurmNode, SlurmPartition
from gateway.schedulers.slurm.recovery import recover_array
from gateway.schedulers.slurm.states import has_ended
from gateway.schedulers.slurm.submission import submission_options

SNAPSHOT_PERIOD_S = 60.0


class SlurmClient(Protocol):
    """A way to Slurm, by pyslurm or by commands. Calls raise SchedulerError, or SchedulerUnavailable."""

    @property
    def user_id(self) -> int:
        """The number of the account whose jobs these are."""

    def submit(self, spec: JobSpec, options: dict[str, object], script: str) -> str:
        """Submit the script with the options and return the job's id."""

    def cancel(self, name: str, job_id: int) -> None:
        """End the job of this id, if it has this name."""

    def check(self) -> None:
        """Raise SchedulerUnavailable unless slurmctld answers."""

    def own_jobs(self) -> list[SlurmJob]:
        """Return the jobs of this account that slurmctld lists, ended ones included."""

    def jobs(self) -> list[SlurmJob]:
        """Return the jobs of all accounts."""

    def pending_jobs_of_others(self) -> list[SlurmJob]:
        """Return the pending jobs of other accounts."""

    def partitions(self) -> list[SlurmPartition]:
        """Return all partitions."""

    def nodes(self) -> list[SlurmNode]:
        """Return all nodes."""

    def recorded_jobs(self, jobs: Sequence[SubmittedJob]) -> list[SlurmJob]:
        """Return the records that slurmdbd keeps of the jobs; none where there is no slurmdbd."""

    def measure(self, job: SubmittedJob) -> list[tuple[str, Accounting]]:
        """Return the measurements of slurmdbd, of each copy of the job or member, with its name."""

    def largest_array(self) -> int:
        """Return the most members of one array, with indices from 1 on."""

    def min_job_age_s(self) -> int:
        """Return for how long slurmctld lists an ended job; 0 is for ever."""


class SlurmScheduler:
    """Submits jobs to Slurm and lists those of its account in one call.

    Nodes, partitions and the other accounts' jobs are loaded when they are needed, and at most once a minute.
    """

    def __init__(self, client: SlurmClient) -> None:
        self._client = client
        self._forgotten = ForgottenJobs(self._ask_accounting, client.min_job_age_s)
        self._partitions = Periodic(client.partitions, SNAPSHOT_PERIOD_S)
        self._nodes = Periodic(client.nodes, SNAPSHOT_PERIOD_S)
        self._room = Periodic(lambda: Room(client.nodes()), SNAPSHOT_PERIOD_S)
        self._others = Periodic(lambda: Positions(client.pending_jobs_of_others()), SNAPSHOT_PERIOD_S)

    def largest_array(self) -> int:
        """Return the most members of one array."""
        return self._client.largest_array()

    def submit(self, spec: JobSpec) -> str:
        """Submit the job. After a crash or a time-out call `find` first: Slurm accepts a name twice."""
        script, options = batch_script.render(spec), self._options(spec)
        try:
            return self._client.submit(spec, options, script)
        except SlurmRefusal as error:
            raise self._may_pass_later(error, spec) from error

    def _options(self, spec: JobSpec) -> dict[str, object]:
        nodes = spec.resources.nodes or nodes_needed(spec, self._partitions.get(), self._nodes.get())
        return submission_options(spec, nodes)

    def _may_pass_later(self, error: SlurmRefusal, spec: JobSpec) -> GatewayError:
        """Return the refusal, or that it has to wait, while other jobs use up a limit of the account.

        An array that does not fit a limit may pass with fewer members.
        """
        if error.number == ACCOUNTING_POLICY and spec.is_array:
            return ArrayTooLarge(error.detail)
        if error.number == ACCOUNTING_POLICY and self._has_unfinished_jobs():
            return SchedulerFull(f"{error.detail}; it is submitted again when others have ended")
        return error

    def _has_unfinished_jobs(self) -> bool:
        """Tell whether this account has jobs in Slurm whose ends may make room in a limit."""
        return any(not has_ended(job.state) for job in self._client.own_jobs())

    def submit_many(self, specs: Sequence[JobSpec]) -> Sequence[str | GatewayError]:
        """Submit the jobs one after the other, since Slurm takes one at a time."""
        return submit_each(self.submit, specs)

    def find(self, job: SubmittedJob) -> JobReport | None:
        """Return the report of a job by name, from its folder or the accounting if Slurm has forgotten it."""
        if job.array_size > 1:
            return self._find_array(job)
        return self.jobs().get(job.name) or self._forgotten.find(job)

    def _find_array(self, job: SubmittedJob) -> JobReport | None:
        """Return the report of any member that Slurm lists, or that has started, however long ago."""
        listed = (report for name, report in self.jobs().items() if split_name(name)[0] == job.name)
        return next(listed, None) or recover_array(job)

    def recall(self, jobs: Sequence[SubmittedJob]) -> dict[str, JobReport | None]:
        """Recover the reports of jobs that Slurm does not list from their folders and the accounting."""
        return self._forgotten.judge(jobs)

    def accounting(self, job: SubmittedJob) -> dict[str, Accounting]:
        """Return the measurements of slurmdbd by name; among copies of one name those of the longest one."""
        return dict(sorted(self._client.measure(job), key=lambda copy: copy[1].elapsed_s or 0))

    def _ask_accounting(self, jobs: Sequence[SubmittedJob]) -> dict[str, JobReport]:
        found = self._client.recorded_jobs(jobs)
        return reports.translate_jobs(found, self._client.user_id, datetime.now(UTC))

    def jobs(self) -> dict[str, JobReport]:
        """Return the reports of this account's jobs by name, and cancel copies that cannot start."""
        jobs, user_id = self._client.own_jobs(), self._client.user_id
        for job in reports.duplicate_jobs(jobs, user_id):
            self.cancel(job.name, str(job.id))
        listed = reports.translate_jobs(jobs, user_id, datetime.now(UTC), self._snapshot(jobs))
        self._forgotten.note_listed(listed)
        return listed

    def _snapshot(self, own: list[SlurmJob]) -> QueueSnapshot:
        """Return the queue of at most a minute ago, as far as the account's pending jobs need it."""
        return QueueSnapshot(
            self._others.get() if any(job.state == "PENDING" for job in own) else Positions(),
            self._room.get() if any(map(waits_for_nodes, own)) else Room(),
        )

    def cancel(self, name: str, scheduler_id: str) -> None:
        """End the job: SIGTERM, then SIGKILL after Slurm's KillWait; an unknown or ended job is no error.

        A restarted slurmctld may have given the id to another job, which is left alone.
        """
        submitted_id = array_id(scheduler_id)
        if accounting.ID.fullmatch(submitted_id):
            self._client.cancel(name, int(submitted_id))

    def partitions(self) -> list[PartitionFigures]:
        """Return the live figures of every partition."""
        return partition_figures(self._client.partitions(), self._client.nodes(), self._client.jobs())

    def check(self) -> None:
        """Raise SchedulerUnavailable unless slurmctld answers."""
        self._client.check()
