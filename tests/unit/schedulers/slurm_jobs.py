"""Jobs of Slurm as the tests of its reports need them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.schedulers import attempt_record, batch_script
from gateway.schedulers.slurm.records import SlurmJob

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def job(  # noqa: PLR0917
    state: str = "PENDING",
    reason: str = "None",
    exit_code: int | None = None,
    signal: int | None = None,
    number: int = 7,
    name: str = "job.1",
    folder: Path = Path("/nowhere"),
    start_at: datetime | None = None,
    priority: int = 1,
    partition: str = "debug",
    user_id: int = 1000,
    nodes: int = 2,
    restarts: int = 0,
) -> SlurmJob:
    return SlurmJob(
        id=number,
        name=name,
        state=state,
        reason=reason,
        partition=partition,
        priority=priority,
        nodes=nodes,
        cpus=8,
        folder=folder,
        user_id=user_id,
        exit_code=exit_code,
        signal=signal,
        start_at=start_at,
        end_at=NOW,
        restarts=restarts,
    )


def write_start(folder: Path, scheduler_id: str) -> None:
    start = attempt_record.Start(
        pid=1, ticks=1, boot_id="b", host="n1", scheduler_id=scheduler_id, started_at=NOW
    )
    (folder / batch_script.STARTED).write_text(start.model_dump_json())


def write_exit(
    folder: Path, exit_code: int, signal: int | None, *, after_s: int = 1, limit_s: int | None
) -> None:
    end = attempt_record.Exit(
        exit_code=exit_code,
        signal=signal,
        started_at=NOW,
        ended_at=NOW + timedelta(seconds=after_s),
        time_limit_s=limit_s,
    )
    (folder / batch_script.EXIT).write_text(end.model_dump_json())
