"""Records of Slurm's jobs, and the files of a run, as a restarted slurmctld leaves them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.schedulers import attempt_record, batch_script
from gateway.schedulers.base import SubmittedJob
from gateway.schedulers.slurm.records import SlurmJob

NAME, USER = "job.1", 1000
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def record(
    state: str,
    number: int = 7,
    *,
    folder: Path,
    ran_s: int | None = None,
    exit_code: int = 0,
    start_s: int = 0,
) -> SlurmJob:
    """Return a record of a job that had nodes for `ran_s` seconds, or never got any."""
    start_at = NOW + timedelta(seconds=start_s)
    return SlurmJob(
        id=number,
        name=NAME,
        state=state,
        reason="None",
        partition="debug",
        priority=1,
        nodes=1,
        cpus=1,
        folder=folder,
        user_id=USER,
        exit_code=exit_code,
        signal=0,
        start_at=start_at,
        end_at=start_at + timedelta(seconds=ran_s or 0),
        is_allocated=ran_s is not None,
    )


def write_start(folder: Path, scheduler_id: str = "7") -> None:
    start = attempt_record.Start(
        pid=1, ticks=1, boot_id="b", host="n1", scheduler_id=scheduler_id, started_at=NOW
    )
    (folder / batch_script.STARTED).write_text(start.model_dump_json())


def write_exit(
    folder: Path,
    exit_code: int = 0,
    signal: int | None = None,
    *,
    ran_s: int = 20,
    ended_at: datetime | None = None,
) -> None:
    ended = ended_at or NOW + timedelta(seconds=ran_s)
    end = attempt_record.Exit(
        exit_code=exit_code, signal=signal, started_at=NOW, ended_at=ended, time_limit_s=None
    )
    (folder / batch_script.EXIT).write_text(end.model_dump_json())


def submitted(folder: Path, scheduler_id: str = "7", name: str = NAME) -> SubmittedJob:
    return SubmittedJob(name, scheduler_id, folder, NOW)
