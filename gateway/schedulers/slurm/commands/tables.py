"""The lines of `squeue`, `sinfo`, `sacct` and `scontrol`, as records of jobs, nodes and partitions."""

import re
from datetime import UTC, datetime
from pathlib import Path

from gateway.schedulers.base import Accounting, RunLimits
from gateway.schedulers.slurm.accounting import NO_NODES
from gateway.schedulers.slurm.commands.values import moment
from gateway.schedulers.slurm.records import SlurmJob, SlurmNode, SlurmPartition, of_array

_NOT_KNOWN = frozenset({"", "N/A", "(null)", "Unknown", "None"})
_SIZE = re.compile(r"(\d+(?:\.\d+)?)([KMGT]?)[nc]?", re.ASCII)
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_DURATION = re.compile(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)(?:\.(\d+))?", re.ASCII)
# The words of sinfo for nodes, as the state and flags that Slurm's records have.
_NODE_STATES = {
    "allocated": "ALLOCATED",
    "allocated+": "ALLOCATED+COMPLETING",
    "completing": "ALLOCATED+COMPLETING",
    "mixed": "MIXED",
    "idle": "IDLE",
    "planned": "IDLE+PLANNED",
    "drained": "IDLE+DRAIN",
    "draining": "MIXED+DRAIN",
    "fail": "IDLE+FAIL",
    "failing": "MIXED+FAIL",
    "maint": "IDLE+MAINTENANCE",
    "reserved": "IDLE+RESERVED",
    "blocked": "IDLE+BLOCKED",
    "inval": "IDLE+INVALID_REG",
    "no_respond": "IDLE+NOT_RESPONDING",
    "reboot": "IDLE+REBOOT_REQUESTED",
    "reboot_issued": "IDLE+REBOOT_ISSUED",
    "powered_down": "IDLE+POWERED_DOWN",
    "powering_down": "IDLE+POWERING_DOWN",
    "powering_up": "IDLE+POWERING_UP",
}
_SYMBOLS = "~#!%$@^-"


def job(row: dict[str, str]) -> SlurmJob:
    """Return the job of a line of squeue."""
    nodes, cpus = _count(row["NumNodes"]), _count(row["NumCPUs"])
    code, _, signal = row["exit_code"].partition(":")
    found = SlurmJob(
        id=int(row["JobID"]),
        name=row["Name"],
        state=row["State"],
        reason=row["Reason"],
        partition=row["Partition"],
        priority=_count(row["PriorityLong"]),
        nodes=nodes,
        cpus=cpus,
        folder=Path(row["WorkDir"] or "/"),
        user_id=int(row["UserID"]),
        exit_code=_count(code),
        signal=_count(signal),
        start_at=moment_of(row["StartTime"]),
        end_at=moment_of(row["EndTime"]),
        is_allocated=row["NodeList"] not in _NOT_KNOWN,
        restarts=_count(row["RestartCnt"]),
        limits=_limits(row["TimeLimit"]),
    )
    index = _limit(row["ArrayTaskID"])
    return of_array(found, None if index is None else _limit(row["ArrayJobID"]), index)


def queued_job(row: dict[str, str]) -> SlurmJob:
    """Return the job of a short line, without anything that its user may write."""
    return SlurmJob(
        id=int(row["JobID"]),
        name="",
        state=row["State"],
        reason="",
        partition=row["Partition"],
        priority=_count(row["PriorityLong"]),
        nodes=1,
        cpus=_count(row["NumCPUs"]),
        folder=Path("/"),
        user_id=int(row["UserID"]),
    )


def recorded_job(row: dict[str, str], user_id: int) -> SlurmJob:
    """Return the job of a line of sacct."""
    code, _, signal = row["ExitCode"].partition(":")
    array, _, index = row["JobID"].partition("_")  # as in 7, 7_2 and 7_[3-9]
    found = SlurmJob(
        id=int(row["JobIDRaw"]),
        name=row["JobName"],
        state=row["State"].partition(" ")[0],  # as in "CANCELLED by 0"
        reason="",
        partition="",
        priority=0,
        nodes=_count(row["AllocNodes"]),
        cpus=_count(row["ReqCPUS"]),
        folder=Path("/"),
        user_id=user_id,
        exit_code=_count(code),
        signal=_count(signal),
        start_at=moment_of(row["Start"]),
        end_at=moment_of(row["End"]),
        is_allocated=row["NodeList"] not in {"", NO_NODES},
        limits=_limits(row["Timelimit"]),
    )
    return of_array(found, _limit(array) if index else None, _limit(index))


def row_measurements(job_row: dict[str, str], steps: list[dict[str, str]]) -> Accounting:
    """Return the measurements of a job, of which each step has its memory."""
    memory = max((_bytes(row["MaxRSS"]) or 0 for row in steps), default=0)
    elapsed_s, cpu_s = seconds(job_row["Elapsed"]), seconds(job_row["TotalCPU"])
    return Accounting(elapsed_s or None, cpu_s or None, memory or None)


def nodes(table: list[dict[str, str]]) -> list[SlurmNode]:
    """Return the nodes of a table that has a line for each node and partition."""
    names: dict[str, list[str]] = {}
    for row in table:
        names.setdefault(row["NodeList"], []).append(row["PartitionName"])
    return [_node(row, names[name]) for name, row in {row["NodeList"]: row for row in table}.items()]


def _node(row: dict[str, str], partitions: list[str]) -> SlurmNode:
    word = row["StateLong"]
    known = _NODE_STATES.get(word.rstrip(f"{_SYMBOLS}*"), word.upper())
    powered = "+POWERED_DOWN" if word.endswith("~") else ""
    silent = "+NOT_RESPONDING" if word.endswith("*") else ""
    _, idle, _, total = map(_count, row["CPUsState"].split("/"))
    return SlurmNode(
        row["NodeList"], f"{known}{powered}{silent}", total, idle, tuple(partitions), _count(row["Memory"])
    )


def partitions(table: list[dict[str, str]], default: str) -> list[SlurmPartition]:
    """Return the partitions of a table that may have several lines for one."""
    return [
        SlurmPartition(
            name,
            is_up=row["Available"] == "up",
            is_default=name == default,
            max_nodes=_limit(row["Size"].rpartition("-")[2]),
            max_cpus_per_node=_limit(row["MaxCPUsPerNode"]),
        )
        for name, row in {row["PartitionName"]: row for row in table}.items()
    ]


def seconds(text: str) -> float | None:
    """Return the seconds of a duration such as 1-02:03:04 or 03:04.567; None for any other word."""
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    days, hours, minutes, whole = (int(part or 0) for part in match.groups()[:4])
    return ((days * 24 + hours) * 60 + minutes) * 60 + whole + float(f"0.{match[5] or 0}")


def _limits(duration: str) -> RunLimits:
    """Return the time limit; the lines do not tell whether their memory is of a CPU or of a node."""
    limit_s = seconds(duration)
    return RunLimits(time_limit_s=None if limit_s is None else int(limit_s))


def _bytes(text: str) -> int | None:
    match = _SIZE.fullmatch(text)
    return None if match is None else int(float(match[1]) * _UNITS[match[2]])


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


def _limit(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


def moment_of(text: str) -> datetime | None:
    """Return a time in seconds since 1970, or of the form of ISO 8601 in UTC."""
    if text.isascii() and text.isdigit():
        return moment(int(text))
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return None


def config(text: str) -> dict[str, str]:
    """Return the values of `scontrol show config` by name."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {name.strip(): value.strip() for name, _, value in pairs}
