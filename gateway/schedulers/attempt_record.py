"""The record of an attempt: its start and its end, as the batch script wrote them into its folder.

Both files are read as hostile input: a missing one is None, and FilesystemError tells of anything else that
is not a record.
"""

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from gateway.attempt_files import attempt_file_errors, read_json
from gateway.schedulers.batch_script import EXIT, STARTED

_LIMIT_BYTES = 1 << 16
_YEARS = range(2000, 2200)


def _to_utc(moment: datetime) -> datetime:
    if moment.year not in _YEARS:
        raise ValueError(f"expected a year from {_YEARS.start} to {_YEARS.stop - 1}")
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_to_utc)]
_Pid = Annotated[int, Field(ge=0, lt=2**31)]


class Start(BaseModel):
    """The process that started the attempt; `pid` 0 marks an attempt that no process may start any more."""

    model_config = ConfigDict(frozen=True, strict=True)

    pid: _Pid
    ticks: int = Field(ge=0, lt=2**63)
    boot_id: str = Field(pattern=r"^[0-9a-fA-F-]{0,64}$")
    host: str = Field(pattern=r"^[A-Za-z0-9._-]{0,255}$")
    scheduler_id: str = Field(pattern=r"^[0-9]{0,19}(_[0-9]{1,10})?$")
    started_at: Moment

    @property
    def abandoned(self) -> bool:
        """Whether the gateway took another run number instead of this run, which never started."""
        return not self.pid and not self.scheduler_id


class Exit(BaseModel):
    """The end of the attempt; `signal` is the signal that asked the whole script to end."""

    model_config = ConfigDict(frozen=True, strict=True)

    exit_code: int = Field(ge=0, le=255)
    signal: int | None = Field(ge=0, le=64)
    started_at: Moment
    ended_at: Moment
    time_limit_s: int | None = Field(ge=0, lt=2**31)


START_RECORD, EXIT_RECORD = TypeAdapter(Start), TypeAdapter(Exit)


def read_start(folder: Path) -> Start | None:
    """Return the start of the attempt in this folder, or None before its start."""
    return read_json(START_RECORD, folder / STARTED, _LIMIT_BYTES)


def read_exit(folder: Path) -> Exit | None:
    """Return the end of the attempt in this folder, or None while its script has not written it."""
    return read_json(EXIT_RECORD, folder / EXIT, _LIMIT_BYTES)


def abandoned_start(scheduler_id: str = "") -> str:
    """Return the start, as its file has it, of an attempt that no process may start any more."""
    moment = datetime.now(UTC)
    start = Start(pid=0, ticks=0, boot_id="", host="", scheduler_id=scheduler_id, started_at=moment)
    return start.model_dump_json()


def forbid_start(folder: Path, scheduler_id: str = "") -> bool:
    """Take the place of the start, so that no copy of the script can start; False when one has started.

    Without an id of the scheduler the run counts as abandoned: it never was. A folder that is missing lets
    no script start either.
    """
    mine = folder / f"{STARTED}.{token_hex(4)}"
    with attempt_file_errors(STARTED):
        try:
            with mine.open("x", encoding="utf-8") as file:
                file.write(abandoned_start(scheduler_id))
        except FileNotFoundError:
            return True
        try:
            with suppress(FileExistsError):
                os.link(mine, folder / STARTED)
        finally:
            mine.unlink()
    found = read_start(folder)
    return found is not None and not found.pid
