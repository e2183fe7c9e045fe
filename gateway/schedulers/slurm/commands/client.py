"""Slurm by its commands: sbatch, squeue, sinfo, sacct, scancel and scontrol."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property

from gateway.errors import GatewayError, SchedulerError, SchedulerUnavailable
from gateway.schedulers.base import Accounting, JobSpec, SubmittedJob, submit_one
from gateway.schedulers.script_channel import Answer, JobSubmission, decode, encode, read_id, results
from gateway.schedulers.slurm.accounting import STORAGE_TYPE
from gateway.schedulers.slurm.commands import documents, tables
from gateway.schedulers.slurm.commands.calls import SlurmCommands, error_of
from gateway.schedulers.slurm.commands.columns import JOB, NODE, PARTITION, QUEUE, rows, squeue_format
from gateway.schedulers.slurm.commands.forms import Forms
from gateway.schedulers.slurm.commands.options import sbatch_options
from gateway.schedulers.slurm.commands.records_of_accounting import SlurmAccounting
from gateway.schedulers.slurm.copies import was_cut_short
from gateway.schedulers.slurm.records import SlurmJob, SlurmNode, SlurmPartition

_ID = re.compile(r"([1-9][0-9]{0,9})(?:;[\w.-]+)?", re.ASCII)
_NUMBER = re.compile(r"(\d{1,9})", re.ASCII)
_UP = re.compile(r" (?:is|are) (?:\w+/)*UP\b", re.ASCII)  # before 18.08 one line is of all controllers
Prepared = tuple[JobSpec, JobSubmission]


class CommandClient:
    """Slurm through its commands. The commands of older versions print lines instead of JSON."""

    def __init__(self, commands: SlurmCommands) -> None:
        self._run, self._submit = commands.run, commands.submit
        self._forms = Forms(lambda: self._run("sinfo", "--version").decode(errors="replace"))
        self._accounting = SlurmAccounting(self._run, self._forms)

    @cached_property
    def user_id(self) -> int:
        """The number of the account as which the commands run."""
        return int(self._run("id", "-u"))

    def submit(self, spec: JobSpec, options: dict[str, object], script: str) -> str:
        """Submit the script with the options and return the job's id."""
        return submit_one(self.submit_many, self.prepare(spec, options, script))

    @staticmethod
    def prepare(spec: JobSpec, options: dict[str, object], script: str) -> Prepared:
        """Return the job as `submit_many` takes it, or raise an error that concerns it alone."""
        return spec, JobSubmission(sbatch_options(options), script)

    def submit_many(self, jobs: Sequence[Prepared]) -> list[str | GatewayError]:
        """Submit the jobs by one command; return the id or the error of each."""

        def read(place: int, answer: Answer) -> str | GatewayError:
            return read_id(
                "sbatch", answer, _ID, lambda: error_of("sbatch", answer.status, answer.text, jobs[place][0])
            )

        printed = self._submit(encode([submission for _, submission in jobs]), len(jobs))
        return results(decode(printed, len(jobs)), read)

    def cancel(self, name: str, job_id: int) -> None:
        """End the job of this id, if it has this name."""
        try:
            self._run("scancel", f"--user={self.user_id}", f"--name={name}", str(job_id))
        except SchedulerUnavailable:
            raise
        except SchedulerError:
            return  # it has ended meanwhile

    def check(self) -> None:
        """Raise SchedulerUnavailable unless a slurmctld answers."""
        told = self._run("scontrol", "ping").decode(errors="replace")
        if _UP.search(told) is None:
            raise SchedulerUnavailable(f"Slurm does not answer: {told}")

    def own_jobs(self) -> list[SlurmJob]:
        """Return the jobs of this account that slurmctld lists, ended ones included."""
        jobs = self._forms.load("squeue", self._own_jobs_by_json, self._own_jobs_by_lines)
        own = [job for job in jobs if job.user_id == self.user_id]  # 21.08 and 22.05 list those of all
        if not any(map(was_cut_short, own)):
            return own
        since = self._controller_since()
        return [replace(job, controller_since=since) for job in own]

    @property
    def _own(self) -> list[str]:
        return ["--array", "--states=all", f"--user={self.user_id}"]

    def _own_jobs_by_json(self) -> list[SlurmJob]:
        return documents.listed_jobs(documents.parse_document(self._run("squeue", "--json", *self._own)))

    def _own_jobs_by_lines(self) -> list[SlurmJob]:
        printed = self._run("squeue", "--noheader", *self._own, f"--Format={squeue_format(JOB)}")
        return [tables.job(row) for row in rows(printed, JOB)]

    def jobs(self) -> list[SlurmJob]:
        """Return the unfinished jobs of all accounts, without the texts that their users write."""
        return self._queue()

    def pending_jobs_of_others(self) -> list[SlurmJob]:
        """Return the pending jobs of other accounts."""
        return [job for job in self._queue("--states=PENDING") if job.user_id != self.user_id]

    def _queue(self, *options: str) -> list[SlurmJob]:
        printed = self._run("squeue", "--noheader", *options, f"--Format={squeue_format(QUEUE)}")
        try:
            return [tables.queued_job(row) for row in rows(printed, QUEUE)]
        except ValueError as error:
            raise SchedulerError(f"the output of squeue cannot be read: {error}") from error

    def nodes(self) -> list[SlurmNode]:
        """Return all nodes."""
        return self._forms.load("sinfo", self._nodes_by_json, self._nodes_by_lines)

    def _nodes_by_json(self) -> list[SlurmNode]:
        return documents.listed_nodes(documents.parse_document(self._run("sinfo", "--json", "--Node")))

    def _nodes_by_lines(self) -> list[SlurmNode]:
        printed = self._run("sinfo", "--noheader", "--Node", f"--Format={squeue_format(NODE)}")
        return tables.nodes(list(rows(printed, NODE)))

    def partitions(self) -> list[SlurmPartition]:
        """Return all partitions."""
        printed = self._run("sinfo", "--noheader", "--noconvert", f"--Format={squeue_format(PARTITION)}")
        try:
            return tables.partitions(list(rows(printed, PARTITION)), self._default_partition())
        except ValueError as error:
            raise SchedulerError(f"the output of sinfo cannot be read: {error}") from error

    def _default_partition(self) -> str:
        """Return the partition that sinfo marks by a star, or "" where there is none."""
        names = self._run("sinfo", "--noheader", "--format=%P").decode(errors="replace").split()
        return next((name[:-1] for name in names if name.endswith("*")), "")

    def recorded_jobs(self, jobs: Sequence[SubmittedJob]) -> list[SlurmJob]:
        """Return the records that slurmdbd keeps of the jobs; none where there is no slurmdbd."""
        return self._accounting.jobs(jobs, self.user_id) if self._has_accounting else []

    def measure(self, job: SubmittedJob) -> list[tuple[str, Accounting]]:
        """Return the measurements of slurmdbd, of each copy of the job or member, with its name."""
        return self._accounting.measurements(job, self.user_id) if self._has_accounting else []

    @cached_property
    def _has_accounting(self) -> bool:
        return self._load_config().get("AccountingStorageType") == STORAGE_TYPE

    def largest_array(self) -> int:
        """Return the most members of one array: Slurm's MaxArraySize bounds the index, here from 1 on."""
        found = _NUMBER.match(self._load_config().get("MaxArraySize", ""))
        return max(1, int(found[1]) - 1) if found else 1

    def min_job_age_s(self) -> int:
        """Return for how long slurmctld lists an ended job; 0 is for ever."""
        found = _NUMBER.match(self._load_config().get("MinJobAge", ""))
        return int(found[1]) if found else 0

    def _controller_since(self) -> datetime | None:
        return tables.moment_of(self._load_config().get("BOOT_TIME", ""))

    def _load_config(self) -> dict[str, str]:
        return tables.config(self._run("scontrol", "show", "config").decode(errors="replace"))
