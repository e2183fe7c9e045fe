"""Reasons of a failed end: the ranks' own words, the scheduler's sentence, or the figures of the memory."""

from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from gateway.clusters.configuration import Cluster
from gateway.errors import Fault
from gateway.filesystems.attempt_folder import AttemptFolder
from gateway.filesystems.shared import SharedFilesystem
from gateway.jobs.ending import read_ending
from gateway.jobs.lifecycle import fault_of_job
from gateway.jobs.run_folders import RunFolders
from gateway.models import Job
from gateway.schedulers.base import Accounting
from gateway.schedulers.batch_script import STDERR
from gateway.states import JobState

USAGE: dict[str, Any] = {
    "memory_requested_bytes": 209_715_200,
    "memory_peak_bytes": None,
    "ranks_measured": 0,
    "accounting": None,
}
ACCOUNTED = asdict(Accounting(elapsed_s=5, cpu_s=6.0, resident_memory_bytes=211_914_752))
KERNEL = "x.npy: the job needs more memory than this rank may use; request more with resources.memory_bytes"
KILLED = "the job's processes were killed by SIGKILL"
NEEDED = "the job needed more memory than it was granted"


def ending(
    folder: Path, stderr: str, state: JobState, exit_code: int | None, reason: str, **usage: object
) -> tuple[JobState, str]:
    if stderr:
        (folder / STDERR).write_text(stderr)
    path = PurePosixPath(folder)
    here = AttemptFolder(SharedFilesystem((path.parent,)), path)
    job = Job(owner="o", finding={"state": state, "exit_code": exit_code, "reason": reason})
    cluster = Cluster.model_validate(
        {"name": "here", "scheduler": "local", "home": folder, "python": "/usr/bin/python3", "max_cpus": 1}
    )
    told, words, outputs = read_ending(job, cluster, RunFolders(here, here), USAGE | usage)
    assert outputs == []
    return told, words


@pytest.mark.parametrize(
    ("stderr", "exit_code", "reason", "words"),
    [
        (
            "40 %\nx.csv: row 2\nsrun: error: n1: task 0: Exited with exit code 2\n",
            2,
            "generic",
            "x.csv: row 2",
        ),
        ("", 2, "the job ended with exit code 2", "the job ended with exit code 2"),
        ("srun: error: Unable to create step\n", 1, "generic", "srun: error: Unable to create step"),
        ("40 %\nsrun: error: n1: task 0: Killed\n", 137, KILLED, KILLED),
        ("40 %\nsrun: error: n1: task 0: Terminated\n", 143, "ended to make room", "ended to make room"),
        ("40 %\n", 75, "put back into the queue", "put back into the queue"),
        ("40 %\n", None, "its folder was removed", "its folder was removed"),
        ("bad_alloc\nsrun: error: x\n", 134, "a process crashed", "a process crashed: bad_alloc"),
    ],
)
def test_stderr_explains_only_an_end_of_the_ranks_by_themselves(
    tmp_path: Path, stderr: str, exit_code: int | None, reason: str, words: str
) -> None:
    assert ending(tmp_path, stderr, JobState.FAILED, exit_code, reason) == (JobState.FAILED, words)


def test_a_rank_that_finds_no_memory_is_out_of_memory_in_its_own_words(tmp_path: Path) -> None:
    state, words = ending(tmp_path, f"{KERNEL}\n", JobState.FAILED, 3, "the job ended with exit code 3")
    assert (state, words) == (JobState.OUT_OF_MEMORY, KERNEL)
    assert fault_of_job(state, 3) is Fault.LIMIT


@pytest.mark.parametrize(
    ("usage", "figures"),
    [
        (
            {"accounting": ACCOUNTED},
            "it asked for 209,715,200 bytes, and the highest use that the scheduler measured was 211,914,752",
        ),
        (
            {"memory_peak_bytes": 7_000, "ranks_measured": 3},
            "it asked for 209,715,200 bytes, and 3 of its ranks used up to 7,000 together",
        ),
        ({}, "it asked for 209,715,200 bytes, and its highest use was not measured"),
        (
            {"memory_requested_bytes": None, "accounting": ACCOUNTED | {"resident_memory_bytes": None}},
            "it asked for no amount of its own, and its highest use was not measured",
        ),
    ],
)
def test_out_of_memory_names_the_request_the_peak_and_the_remedy(
    tmp_path: Path, usage: dict[str, object], figures: str
) -> None:
    state, words = ending(tmp_path, "/bin/bash: Killed\n", JobState.OUT_OF_MEMORY, 137, NEEDED, **usage)
    assert state is JobState.OUT_OF_MEMORY
    assert words == f"{NEEDED}; {figures}; request more with resources.memory_bytes, or use more ranks"
