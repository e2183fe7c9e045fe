"""The records of PBS's jobs, queues and nodes, from `qstat` and `pbsnodes`: read as hostile input.

ValueError, TypeError, KeyError and AttributeError tell of a layout that is not known.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.schedulers.arrays import member_folder, member_id, member_name

UNKNOWN_LAYOUT = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
NUMBER = re.compile(r"(\d{1,18})(?:\[(\d*)\])?(?:\.[A-Za-z0-9_.-]+)?", re.ASCII)
_DURATION = re.compile(r"(?:\d{1,9}:){0,2}\d{1,9}", re.ASCII)
_DSV_JOB = "Job Id: "
_WANTED = frozenset(
    {"Job_Name", "Job_Owner", "job_state", "substate", "Exit_status", "comment", "Hold_Types", "queue"}
    | {"stime", "obittime", "Resource_List.walltime", "Output_Path", "array"}
)


@dataclass(frozen=True)
class PbsJob:
    """A job record. `state`, `comment` and `exit_status` are PBS's own; times are aware and in UTC."""

    id: str
    name: str
    owner: str
    state: str
    queue: str = ""
    substate: int | None = None
    exit_status: int | None = None
    """Stale before the end: a requeued job keeps that of its last run."""
    comment: str = ""
    hold: str = ""
    start_at: datetime | None = None
    end_at: datetime | None = None
    time_limit_s: int | None = None
    folder: Path = Path("/nowhere")
    """The control folder, where PBS writes the job's output."""

    is_array: bool = False
    """Whether it stands for the members of an array that have no record of their own."""

    @property
    def number(self) -> str:
        """The number of the id as the batch script writes it down: 50, or 50_1 of a member."""
        return sequence_number(self.id)


def sequence_number(job_id: str) -> str:
    """Return 50 of 50.pbs1 and 50[].pbs1, 50_1 of 50[1].pbs1, or "" of a text that is no id."""
    match = NUMBER.fullmatch(job_id)
    if match is None:
        return ""
    return member_id(match[1], int(match[2])) if match[2] else match[1]


def parse_answer(stdout: bytes) -> dict[str, Any]:
    """Return the document; a byte of a user's text that is not UTF-8 becomes a mark."""
    document = json.loads(stdout.decode("utf-8", "replace"), strict=False)
    if not isinstance(document, dict):
        raise TypeError(f"{type(document).__name__} in place of a document")
    return document


def pbs_jobs(document: dict[str, Any]) -> list[PbsJob]:
    """Return the jobs of a document, which has no "Jobs" at all when there are none."""
    return [_job(job_id, job) for job_id, job in document.get("Jobs", {}).items()]


def _job(job_id: str, job: dict[str, Any]) -> PbsJob:
    limits = job.get("Resource_List", {})
    return _record(job_id, {**job, "Resource_List.walltime": limits.get("walltime")})


def jobs_of_lines(stdout: bytes) -> list[PbsJob]:
    """Return the jobs of `qstat -f -F dsv`, which shows several ids where JSON shows the first alone."""
    lines = stdout.decode("utf-8", "replace").split("\n")
    return [_line_job(line) for line in lines if line.startswith(_DSV_JOB)]


def _line_job(line: str) -> PbsJob:
    head, *fields = line.split("|")
    found: dict[str, Any] = {}
    for field in fields:
        name, equals, value = field.partition("=")
        if equals and name in _WANTED:
            found.setdefault(name, value)
    return _record(head.removeprefix(_DSV_JOB), found)


def _record(job_id: str, job: dict[str, Any]) -> PbsJob:
    name, folder = str(job["Job_Name"]), Path(str(job.get("Output_Path", "")).partition(":")[2]).parent
    index = NUMBER.fullmatch(job_id)
    if index and index[2]:
        name, folder = member_name(name, int(index[2])), member_folder(folder, int(index[2]))
    return PbsJob(
        id=job_id,
        name=name,
        owner=_account(str(job["Job_Owner"])),
        state=str(job["job_state"]),
        queue=str(job.get("queue", "")),
        substate=_number(job.get("substate")),
        exit_status=_number(job.get("Exit_status")),
        comment=str(job.get("comment", "")),
        hold=str(job.get("Hold_Types", "")),
        start_at=_moment(job.get("stime")),
        end_at=_moment(job.get("obittime")),
        time_limit_s=_seconds(job.get("Resource_List.walltime")),
        folder=folder,
        is_array=str(job.get("array")) == "True",
    )


def _account(owner: str) -> str:
    """Return the account of account@host; that of a directory service may hold an @ itself."""
    account, _, host = owner.rpartition("@")
    return account or host


def _number(value: Any) -> int | None:
    text = str(value)
    return int(text) if re.fullmatch(r"-?[0-9]{1,9}", text, re.ASCII) else None


def _moment(value: Any) -> datetime | None:
    """Return a time of C's `ctime`, which the command prints in the zone of its environment."""
    try:
        return datetime.strptime(str(value), "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
    except ValueError:
        return None


def _seconds(value: Any) -> int | None:
    if not _DURATION.fullmatch(str(value)):
        return None
    total = 0
    for part in str(value).split(":"):
        total = total * 60 + int(part)
    return total


@dataclass(frozen=True)
class PbsQueue:
    """A queue record; jobs that wait count together, held ones included."""

    name: str
    is_open: bool
    running: int
    waiting: int


def pbs_queues(document: dict[str, Any]) -> list[PbsQueue]:
    """Return the queues that run jobs; one that only passes them on has no figures of its own."""
    found = document["Queue"].items()
    return [_queue(name, queue) for name, queue in found if queue.get("queue_type") == "Execution"]


def _queue(name: str, queue: dict[str, Any]) -> PbsQueue:
    counts = {word: int(count) for word, count in re.findall(r"(\w+):(\d{1,9})", queue["state_count"])}
    return PbsQueue(
        name,
        is_open=queue.get("enabled") == queue.get("started") == "True",
        running=_sum(counts, ("Running", "Exiting", "Begun")),
        waiting=_sum(counts, ("Transit", "Queued", "Held", "Waiting")),
    )


def _sum(counts: dict[str, int], words: Iterable[str]) -> int:
    return sum(counts.get(word, 0) for word in words)


@dataclass(frozen=True)
class PbsNode:
    """A node record; a node of one queue serves no other."""

    name: str
    is_in_service: bool
    cpus: int
    free_cpus: int
    queue: str = ""


def pbs_nodes(document: dict[str, Any]) -> list[PbsNode]:
    """Return the nodes that the server knows."""
    return [_node(name, node) for name, node in document["nodes"].items()]


def _node(name: str, node: dict[str, Any]) -> PbsNode:
    cpus = _number(node.get("resources_available", {}).get("ncpus")) or 0
    used = _number(node.get("resources_assigned", {}).get("ncpus")) or 0
    return PbsNode(
        name,
        is_in_service=node["state"] in {"free", "job-busy", "job-exclusive"},
        cpus=cpus,
        free_cpus=max(0, cpus - used) if node["state"] == "free" else 0,
        queue=str(node.get("queue", "")),
    )


def largest_array(document: dict[str, Any]) -> int:
    """Return the most members of an array that the server takes."""
    sizes = [_number(server.get("max_array_size")) for server in document["Server"].values()]
    return max(1, sizes[0] or 1) if sizes else 1


def keeps_history(document: dict[str, Any]) -> bool:
    """Tell whether the server keeps its ended jobs."""
    servers = document["Server"].values()
    return any(server.get("job_history_enable") == "True" for server in servers)
