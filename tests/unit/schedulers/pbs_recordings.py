"""Schedulers, jobs and lines from the recordings of a real OpenPBS."""

from datetime import UTC, datetime
from pathlib import Path

from gateway.command_runners.base import CommandResult
from gateway.schedulers.base import SubmittedJob
from gateway.schedulers.pbs import records
from gateway.schedulers.pbs.commands import PbsCommands
from gateway.schedulers.pbs.scheduler import PbsScheduler
from tests.pbs.fake_pbs import dsv_line
from tests.pbs.replay import PATH, Replay, answer

LISTING = "qstat -f -F json"


HISTORY = {"qstat -B -f -F json": "qstat_B_f_json"}


NO_HISTORY = {
    "qstat -B -f -F json": CommandResult(
        0, answer("qstat_B_f_json").stdout.replace(b'"job_history_enable":\t"True"', b'"x": "x"'), b""
    )
}


def scheduler(answers: dict[str, str | CommandResult]) -> tuple[PbsScheduler, Replay]:
    replay = Replay(HISTORY | answers)
    return PbsScheduler(PbsCommands(replay, PATH)), replay


def record(name: str, job_id: str = "") -> records.PbsJob:
    """Return the job of a recorded document, or that of this id."""
    found = records.pbs_jobs(records.parse_answer(answer(name).stdout))
    return next(job for job in found if job_id in {"", job.id})


def lines(*names: str) -> CommandResult:
    """Return recorded jobs in the form of lines."""
    found = [records.parse_answer(answer(name).stdout)["Jobs"] for name in names]
    text = "\n".join(dsv_line(job_id, job) for jobs in found for job_id, job in jobs.items())
    return CommandResult(0, text.encode() + b"\n", b"")


def submitted(job: records.PbsJob, folder: Path) -> SubmittedJob:
    return SubmittedJob(job.name, job.id, folder, datetime(2026, 11, 29, tzinfo=UTC))
