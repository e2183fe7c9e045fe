"""A small PBS on one machine: `python -m tests.pbs.fake_pbs STATE qsub ARGUMENTS` and so on.

Its records are those of the recordings with another id, name, times and ends; its exit statuses and messages
are recorded ones. Jobs run at once, as processes of their own. Queues: workq, paused (starts nothing), narrow
(starts nothing, and takes arrays of two members at most).
"""

import getpass
import json
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.pbs.fake_server import (
    CPUS,
    ENDED,
    SERVER,
    Job,
    State,
    clock,
    document,
    full_id,
    refuse,
    run,
    start,
)


def qsub(state: State, *words: str) -> int:
    """Take the job of standard input."""
    options = options_of(words)
    if options.get("q", "workq") not in {"workq", "paused", "narrow"}:
        return refuse("qsub: Unknown queue", 170)
    if options.get("J") in {"1-1", "1-0"}:
        return refuse("qsub: illegal -J value", 2)
    if options.get("q") == "narrow" and options.get("J", "1-2") != "1-2":
        return refuse("qsub: Array job exceeds server or queue size limit", 3)
    if not re.fullmatch(r"[A-Za-z0-9_.+-]{1,230}", options["N"]):
        return refuse("qsub: illegal -N value", 2)
    with state.locked():
        number = sum("[1]" not in job_id for job_id in state.jobs()) + 100
        script = state.folder / f"{number}.SC"
        script.write_bytes(sys.stdin.buffer.read())
        script.chmod(0o700)
        made = [new_job(number, options, "[]" if "J" in options else "", number * 10_000)]
        if "J" in options:
            last = int(options["J"].partition("-")[2])
            made += [new_job(number, options, f"[{k}]", number * 10_000 + k) for k in range(1, last + 1)]
        for job in made:
            state.put(job)
    for job in made:
        if job["starts"] and not job["id"].startswith(f"{number}[]"):
            start(state, job["id"])
    sys.stdout.write(f"{made[0]['id']}\n")
    return 0


def options_of(words: tuple[str, ...]) -> dict[str, str]:
    """Return the options by their letters; those of -l and -W by their names."""
    options: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        if word == "-f":
            continue
        value = next(rest)
        if word in {"-l", "-W"}:
            name, _, value = value.partition("=")
            options[name] = value
        else:
            options[word[1:]] = value
    return options


def new_job(number: int, options: dict[str, str], index: str, order: int) -> Job:
    queued = document("qstat_f_json_queued_never_cpus")["Jobs"]["11.pbs1"]
    cpus = sum(
        int(chunk.split(":")[0]) * int(re.findall(r"ncpus=(\d+)", chunk)[0])
        for chunk in options["select"].split("+")
    )
    output = options["o"].replace("^array_index^", index.strip("[]"))
    record = queued | {
        "Job_Name": options["N"],
        "Job_Owner": f"{getpass.getuser()}@{SERVER}",
        "queue": options.get("q", "workq"),
        "Output_Path": f"{SERVER}:{output}",
        "ctime": clock(),
        "Resource_List": {"ncpus": cpus, "select": options["select"]},
    }
    if "walltime" in options:
        record["Resource_List"]["walltime"] = time.strftime("%H:%M:%S", time.gmtime(int(options["walltime"])))
    starts = record["queue"] == "workq" and cpus <= CPUS
    if record["queue"] == "paused":
        record["comment"] = "Not Running: Queue not started."
    elif starts:
        del record["comment"]
    if index == "[]":
        record |= {"array": "True", "job_state": "B" if starts else "Q"}
    return {
        "id": f"{number}{index}.{SERVER}",
        "order": order,
        "starts": starts,
        "limit_s": int(options.get("walltime", "0")),
        "hosts": [f"host{k}" for k in range(ranks_of(options["select"]))],
        "record": record,
    }


def ranks_of(select: str) -> int:
    return sum(
        int(chunk.split(":")[0]) * int(re.findall(r"mpiprocs=(\d+)", chunk)[0]) for chunk in select.split("+")
    )


def qdel(state: State, job_id: str) -> int:
    """End one job, or all members of an array."""
    with state.locked():
        job = state.get(job_id)
        if job is None:
            return refuse(f"qdel: Unknown Job Id {full_id(job_id)}", 153)
        if job["record"]["job_state"] in ENDED:
            return refuse(f"qdel: Job has finished {job['id']}", 35)
        number = job_id.partition("[")[0]
        every = state.jobs().values()
        chosen = [one for one in every if one["id"].startswith(f"{number}[")] if "[]" in job_id else [job]
        pids = [pid for one in chosen if (pid := terminate(state, one))]
    for pid in pids:
        os.killpg(pid, signal.SIGTERM)
    return 0


def terminate(state: State, job: Job) -> int:
    """Mark the job as deleted; return the process that has to be ended, or 0 for one that waits."""
    record = job["record"]
    if record["job_state"] in ENDED:
        return 0
    running = record["job_state"] == "R"
    record["comment"] = (record.get("comment", "Not Running") + " and terminated").strip()
    if running:
        record["comment"] = f"Job run at {clock()} and terminated by user@{SERVER}"
    else:
        record |= {"job_state": "F", "substate": 91}
    state.put(job)
    return int(record["session_id"]) if running else 0


def qstat(state: State, *words: str) -> int:
    """Show the server, the queues, all unfinished jobs, or those of some ids."""
    if "-B" in words or "-Q" in words:
        name = "qstat_B_f_json" if "-B" in words else "qstat_Q_f_json"
        sys.stdout.write(json.dumps(counted(document(name), state)))
        return 0
    form = words[words.index("-F") + 1]
    ids = [word for word in words if re.match(r"\d", word)]
    status, shown = 0, list[Job]()
    for job_id in ids:
        job = state.get(job_id)
        if job is None:
            status = refuse(f"qstat: Unknown Job Id {full_id(job_id)}", 153)
        elif job["record"]["job_state"] == "F" and "-x" not in words:
            status = refuse(f"qstat: {job['id']} Job has finished, use -x or -H to obtain historical", 35)
        else:
            shown += with_members(state, job) if "-t" in words else [job]
    if not ids:
        every = state.jobs().values()
        shown = [job for job in every if job["record"]["job_state"] not in ENDED and not is_member(job)]
    sys.stdout.write(
        as_json(shown[:1] if ids and "-t" not in words else shown) if form == "json" else as_dsv(shown)
    )
    return status


def counted(found: dict[str, Any], state: State) -> dict[str, Any]:
    """Return the recorded queues with the numbers of this server's jobs."""
    for name, queue in found.get("Queue", {}).items():
        states = [
            job["record"]["job_state"] for job in state.jobs().values() if job["record"]["queue"] == name
        ]
        counts = f"Queued:{states.count('Q')} Held:0 Waiting:0 Running:{states.count('R')} Exiting:0 Begun:0"
        queue["state_count"] = f"Transit:0 {counts} "
    return found


def with_members(state: State, array: Job) -> list[Job]:
    number = array["id"].partition("[")[0]
    return [job for job_id, job in state.jobs().items() if job_id.startswith(f"{number}[")]


def is_member(job: Job) -> bool:
    return "[" in job["id"] and "[]" not in job["id"]


def as_json(jobs: list[Job]) -> str:
    head = {"timestamp": int(time.time()), "pbs_version": "23.06.06", "pbs_server": SERVER}
    return json.dumps(head | ({"Jobs": {job["id"]: job["record"] for job in jobs}} if jobs else {}))


def as_dsv(jobs: list[Job]) -> str:
    return "".join(f"{dsv_line(job['id'], job['record'])}\n" for job in jobs)


def dsv_line(job_id: str, record: dict[str, Any]) -> str:
    """Return a record as PBS's line of that form."""
    fields: list[str] = []
    for name, value in record.items():
        if name == "Variable_List":
            fields.append(f"{name}={','.join(f'{key}={one}' for key, one in value.items())}")
        elif isinstance(value, dict):
            fields += [f"{name}.{key}={one}" for key, one in value.items()]
        else:
            fields.append(f"{name}={value}")
    return "|".join([f"Job Id: {job_id}", *fields])


def qselect(state: State, *words: str) -> int:
    """Print the ids of the jobs of a name or of a user."""
    name = words[words.index("-N") + 1] if "-N" in words else None
    for job in state.jobs().values():
        ended = job["record"]["job_state"] in ENDED and "-x" not in words
        if not ended and not is_member(job) and name in {None, job["record"]["Job_Name"]}:
            sys.stdout.write(f"{job['id']}\n")
    return 0


def pbsnodes(_state: State, *_words: str) -> int:
    """Print the recorded nodes, which are free."""
    sys.stdout.write(json.dumps(document("pbsnodes_json_all_free")))
    return 0


COMMANDS: dict[str, Callable[..., int]] = {
    "qsub": qsub,
    "qstat": qstat,
    "qselect": qselect,
    "qdel": qdel,
    "pbsnodes": pbsnodes,
    "run": run,
}


def install(folder: Path) -> Path:
    """Make the programs below the folder, and return the folder to put on the PATH.

    Each account can run them: the folder of these tests may be closed to others.
    """
    state, programs, library = folder / "pbs", folder / "pbs-bin", folder / "pbs-python"
    shutil.copytree(Path(__file__).parent, library / "tests" / "pbs")
    for made in (state, programs):
        made.mkdir(mode=0o777)
        made.chmod(0o777)
    python = f"exec /usr/bin/env PYTHONPATH={library} /usr/bin/python3 -s"
    for name in COMMANDS:
        program = programs / name
        program.write_text(f'#!/bin/sh\n{python} -m tests.pbs.fake_pbs {state} {name} "$@"\n')
        program.chmod(0o755)
    return programs


if __name__ == "__main__":
    sys.exit(COMMANDS[sys.argv[2]](State(Path(sys.argv[1])), *sys.argv[3:]))
