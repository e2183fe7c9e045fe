"""The server of the small PBS: its jobs as files, and the processes that run them."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

RECORDINGS = Path(__file__).parent / "recordings"
SERVER, CPUS = "pbs1", 8
ENDED = ("F", "X")
Job = dict[str, Any]


def document(name: str) -> dict[str, Any]:
    """Return a recorded document."""
    found: dict[str, Any] = json.loads((RECORDINGS / "json" / f"{name}.json").read_bytes())
    return found


class State:
    """The jobs of the server, each in a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def locked(self) -> Iterator[None]:
        with (self.folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def jobs(self) -> dict[str, Job]:
        found = [json.loads(path.read_text()) for path in self.folder.glob("*.job")]
        return {job["id"]: job for job in sorted(found, key=lambda job: job["order"])}

    def get(self, job_id: str) -> Job | None:
        return self.jobs().get(full_id(job_id))

    def put(self, job: Job) -> None:
        path = self.folder / f"{job['id']}.job"
        path.with_suffix(".new").write_text(json.dumps(job))
        path.with_suffix(".new").replace(path)

    def change(self, job_id: str, **values: object) -> None:
        with self.locked():
            job = self.get(job_id)
            assert job is not None
            job["record"] |= values
            self.put(job)


def full_id(job_id: str) -> str:
    return job_id if "." in job_id else f"{job_id}.{SERVER}"


def refuse(text: str, status: int) -> int:
    sys.stderr.write(f"{text}\n")
    return status


def clock() -> str:
    return time.strftime("%a %b %d %H:%M:%S %Y", time.gmtime())


def start(state: State, job_id: str) -> None:
    """Run the job in a process that outlives this one."""
    subprocess.Popen(
        [sys.executable, "-m", "tests.pbs.fake_pbs", str(state.folder), "run", job_id],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def run(state: State, job_id: str) -> int:
    """Run the script to its end and write down how it ended."""
    job = state.get(job_id)
    assert job is not None
    number, _, rest = job_id.partition("[")
    number = number.partition(".")[0]
    nodefile = state.folder / f"{job_id}.nodes"
    nodefile.write_text(f"{SERVER}\n" * len(job["hosts"]))
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": os.environ.get("HOME", "/"),
        "PBS_JOBID": job_id,
        "PBS_NODEFILE": str(nodefile),
    }
    if rest:
        environment["PBS_ARRAY_INDEX"] = rest.partition("]")[0]
    output = job["record"]["Output_Path"].partition(":")[2]
    with Path(output).open("ab") as log:
        child = subprocess.Popen(
            [str(state.folder / f"{number}.SC")],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    state.change(job_id, job_state="R", substate=42, stime=clock(), run_count=1, session_id=child.pid)
    try:
        status = child.wait(job["limit_s"] or None)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGTERM)
        child.wait()
        status = -1000
    end(state, job_id, status)
    return 0


def end(state: State, job_id: str, status: int) -> None:
    with state.locked():
        job = state.get(job_id)
        assert job is not None
        record = job["record"]
        deleted = "terminated" in record.get("comment", "")
        code, words, substate = status, "and failed", 93
        if status == -1000:
            code, words = -29, "and exceeded resource walltime"
        elif deleted:
            code, words, substate = 271, record["comment"], 91
        elif status == 0:
            words, substate = "and finished", 92
        elif status < 0:
            code = 128 - status
        state_word = "X" if "[" in job_id else "F"
        record |= {"job_state": state_word, "Exit_status": code, "substate": substate, "obittime": clock()}
        record["comment"] = words if deleted else f"Job run at {clock()} on (pbs1:ncpus=1) {words}"
        state.put(job)
        finish_array(state, job_id)


def finish_array(state: State, job_id: str) -> None:
    """End the array of which the last member has ended."""
    number, bracket, _ = job_id.partition("[")
    if not bracket:
        return
    members = [job for name, job in state.jobs().items() if name.startswith(f"{number}[")]
    if all(job["record"]["job_state"] in ENDED for job in members if "[]" not in job["id"]):
        for job in members:
            job["record"] |= {"job_state": "F"}
            state.put(job)
