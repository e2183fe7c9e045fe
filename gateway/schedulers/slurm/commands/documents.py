"""The JSON documents of `squeue`, `sinfo` and `sacct`, as records of jobs, nodes and partitions.

ValueError, TypeError, KeyError and AttributeError tell of a layout that is not known.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gateway.errors import SchedulerError, SchedulerUnavailable
from gateway.schedulers.base import Accounting, RunLimits
from gateway.schedulers.slurm.accounting import NO_NODES
from gateway.schedulers.slurm.commands.messages import error_number
from gateway.schedulers.slurm.commands.values import as_list, exit_status, moment, number, state_word, text
from gateway.schedulers.slurm.errors import slurm_error
from gateway.schedulers.slurm.records import SlurmJob, SlurmNode, of_array

UNKNOWN_LAYOUT = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
_MIB = 2**20


def parse_document(stdout: bytes) -> dict[str, Any]:
    """Return the document; bytes of a user's text that are not UTF-8 become marks."""
    document = json.loads(stdout.decode("utf-8", "replace"), strict=False)
    if not isinstance(document, dict):
        raise TypeError(f"{type(document).__name__} in place of a document")
    for error in document.get("errors") or ():  # a command may end with 0 all the same
        raise _error(error)
    return document


def _error(error: dict[str, Any]) -> SchedulerError:
    message = str(error.get("description") or error.get("error") or "no words")
    found = number(error.get("error_number")) or error_number(message)
    if found is None:
        return SchedulerUnavailable(f"Slurm does not answer: {message}")
    return slurm_error(found, message)


def listed_jobs(document: dict[str, Any]) -> list[SlurmJob]:
    """Return the jobs that squeue lists."""
    return [_job(job) for job in as_list(document["jobs"])]


def _job(job: dict[str, Any]) -> SlurmJob:
    code, signal = exit_status(job["exit_code"])
    nodes, cpus = number(job["node_count"]) or 0, number(job["cpus"]) or 0
    found = SlurmJob(
        id=_required(job["job_id"]),
        name=text(job["name"]),
        state=state_word(job["job_state"]),
        reason=text(job["state_reason"]),
        partition=text(job["partition"]),
        priority=number(job["priority"]) or 0,
        nodes=nodes,
        cpus=cpus,
        folder=Path(text(job["current_working_directory"]) or "/"),
        user_id=_required(job["user_id"]),
        exit_code=code,
        signal=signal or 0,
        start_at=moment(job["start_time"]),
        end_at=moment(job["end_time"]),
        is_allocated=bool(job["nodes"]),
        restarts=number(job["restart_cnt"]) or 0,
        limits=_limits(job, job["time_limit"], nodes, cpus),
    )
    return of_array(found, number(job["array_job_id"]) or None, number(job["array_task_id"]))


def recorded_jobs_of(document: dict[str, Any], user_id: int) -> list[SlurmJob]:
    """Return the jobs that sacct shows, all of one account."""
    return [_recorded_job(job, user_id) for job in as_list(document["jobs"])]


def _recorded_job(job: dict[str, Any], user_id: int) -> SlurmJob:
    code, signal = exit_status(job["exit_code"])
    nodes, cpus = number(job["allocation_nodes"]) or 0, number(job["required"]["CPUs"]) or 0
    times, array = job["time"], job["array"]
    found = SlurmJob(
        id=_required(job["job_id"]),
        name=text(job["name"]),
        state=state_word(job["state"]["current"]),
        reason=text(job["state"]["reason"]),
        partition=text(job["partition"]),
        priority=number(job["priority"]) or 0,
        nodes=nodes,
        cpus=cpus,
        folder=Path(text(job["working_directory"]) or "/"),
        user_id=user_id,
        exit_code=code,
        signal=signal or 0,
        start_at=moment(times["start"]),
        end_at=moment(times["end"]),
        is_allocated=job["nodes"] not in {"", None, NO_NODES},
        limits=_limits(job["required"], times["limit"], nodes, cpus),
    )
    return of_array(found, number(array["job_id"]) or None, number(array["task_id"]))


def measurements_of(document: dict[str, Any]) -> list[tuple[str, Accounting]]:
    """Return the names of the jobs and members that sacct shows, with their measurements."""
    jobs = as_list(document["jobs"])
    return [(_recorded_job(job, 0).name, _measurements(job)) for job in jobs]


def _measurements(job: dict[str, Any]) -> Accounting:
    total = job["time"]["total"]
    cpu_s = (number(total["seconds"]) or 0) + (number(total["microseconds"]) or 0) / 1e6
    memory = max((_step_memory(step) for step in as_list(job["steps"])), default=0)
    return Accounting(number(job["time"]["elapsed"]) or None, cpu_s or None, memory or None)


def _step_memory(step: dict[str, Any]) -> int:
    """Return the most memory that one task of the step held, in bytes."""
    held = step["tres"]["requested"]["max"]  # Slurm's own name for the used amount
    return max((number(tres["count"]) or 0 for tres in as_list(held) if tres["type"] == "mem"), default=0)


def listed_nodes(document: dict[str, Any]) -> list[SlurmNode]:
    """Return the nodes of `sinfo --Node`, which has an entry for each node and partition."""
    names: dict[str, list[str]] = {}
    entries: dict[str, dict[str, Any]] = {}
    for entry in as_list(document["sinfo"]):
        for name in as_list(entry["nodes"]["nodes"]):
            names.setdefault(text(name), []).append(text(entry["partition"]["name"]))
            entries[name] = entry
    return [_node(name, entry, names[name]) for name, entry in entries.items()]


def _node(name: str, entry: dict[str, Any], partitions: Iterable[str]) -> SlurmNode:
    cpus, total = entry["cpus"], number(entry["nodes"]["total"]) or 1
    return SlurmNode(
        name=name,
        state="+".join(text(word) for word in as_list(entry["node"]["state"])),
        cpus=(number(cpus["total"]) or 0) // total,
        idle_cpus=(number(cpus["idle"]) or 0) // total,
        partitions=tuple(partitions),
        memory_mib=number(entry["memory"]["minimum"]) or 0,
    )


def _limits(memory: dict[str, Any], minutes: Any, nodes: int, cpus: int) -> RunLimits:
    limit, per_cpu, per_node = map(
        number, (minutes, memory.get("memory_per_cpu"), memory.get("memory_per_node"))
    )
    if not per_cpu and per_node and cpus:
        per_cpu = per_node * nodes // cpus
    return RunLimits(
        time_limit_s=None if limit is None else limit * 60,
        memory_per_cpu_bytes=per_cpu * _MIB if per_cpu else None,
    )


def _required(value: Any) -> int:
    found = number(value)
    if found is None:
        raise ValueError("no number")
    return found
