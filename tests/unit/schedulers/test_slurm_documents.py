"""What Slurm's commands print: documents and lines of a Slurm 24.11, older layouts, and hostile texts."""

from pathlib import Path
from typing import Any

import pytest

from gateway.schedulers.slurm.commands import columns, documents, tables
from gateway.schedulers.slurm.commands.values import exit_status, state_word
from tests.unit.schedulers.slurm_runner import JOB, client, line, old, printed


def test_a_document_has_all_that_a_report_needs() -> None:
    jobs = {job.id: job for job in documents.listed_jobs(documents.parse_document(printed("squeue.json")))}
    running, failed, held = jobs[9262156], jobs[9262158], jobs[9262160]
    assert (running.state, running.name, running.user_id, running.is_allocated) == (
        "RUNNING",
        "aa1.1",
        0,
        True,
    )
    assert (failed.state, failed.exit_code, failed.nodes, failed.cpus) == ("FAILED", 3, 2, 2)
    assert (failed.limits.time_limit_s, failed.limits.memory_per_cpu_bytes) == (300, 100 << 20)
    assert (held.state, held.reason, held.is_allocated, held.start_at) == (
        "PENDING",
        "JobHeldUser",
        False,
        None,
    )


def test_members_have_their_own_names_and_folders() -> None:
    (member,) = [
        job for job in documents.listed_jobs(documents.parse_document(printed("squeue.json"))) if job.array_id
    ]
    assert (member.scheduler_id, member.name) == ("9262159_0", 'new\nline "q" | \\x[0]')
    assert member.folder == Path("/home/user/run/0")
    row = JOB | {"JobID": "9", "ArrayJobID": "7", "ArrayTaskID": "2"}
    (other,) = [tables.job(found) for found in columns.rows(line(columns.JOB, **row), columns.JOB)]
    assert (other.id, other.scheduler_id, other.name, other.folder) == (
        9,
        "7_2",
        "job.1[2]",
        Path("/c/job.1/2"),
    )


def test_lines_say_the_same() -> None:
    (found,) = [tables.job(row) for row in columns.rows(line(columns.JOB, **JOB), columns.JOB)]
    assert (found.id, found.name, found.state, found.folder) == (7, "job.1", "RUNNING", Path("/c/job.1"))
    assert (found.array_id, found.limits.time_limit_s, found.cpus_per_node) == (None, 86430, 4)
    assert found.start_at is not None
    assert found.start_at.timestamp() == 1796038563


@pytest.mark.parametrize(
    "name",
    [
        "x\n8" + " " * 19,
        "a|b;c,d",
        "\x1b[2J",
        "x" * 5000,
        "ü" * 200,
        line(columns.JOB, **(JOB | {"JobID": "8", "Name": "victim.1", "State": "FAILED"})).decode()[:250],
    ],
    ids=["newline", "separators", "escape", "huge", "cut in a letter", "another job"],
)
def test_a_users_text_in_a_line_is_no_other_job(name: str) -> None:
    text = line(columns.JOB, **(JOB | {"Name": name})) + line(columns.JOB, **(JOB | {"JobID": "9"}))
    found = [tables.job(row) for row in columns.rows(text, columns.JOB)]
    assert [(job.id, job.state) for job in found] == [(7, "RUNNING"), (9, "RUNNING")]


@pytest.mark.parametrize(
    "text", [b"x", line(columns.JOB, **JOB)[:-1], line(columns.JOB, **JOB) + b"\n", b"\n"]
)
def test_a_line_of_another_length_is_an_error(text: bytes) -> None:
    with pytest.raises(ValueError, match="bytes"):
        list(columns.rows(text, columns.JOB))


def test_bytes_that_are_no_text_end_no_round() -> None:
    text = printed("squeue.json").replace(b"aa1.1", b"a\xff\xfe1")
    one, _ = client(squeue=text)
    assert one.own_jobs()[0].name == "a\ufffd\ufffd1"
    lines = line(columns.JOB, **JOB).replace(b"job.1 ", b"job\xff\xfe ")
    assert len(list(columns.rows(lines, columns.JOB))) == 1


def test_the_layout_of_2205() -> None:
    (job,) = documents.listed_jobs({"jobs": [old()]})
    assert (job.state, job.exit_code, job.signal, job.array_id) == ("FAILED", 3, 0, None)
    (job,) = documents.listed_jobs({"jobs": [old(exit_code=9, job_state="CANCELLED")]})
    assert (job.exit_code, job.signal) == (0, 9)


@pytest.mark.parametrize(
    ("words", "word"),
    [
        (["RUNNING", "COMPLETING"], "COMPLETING"),
        (["PENDING", "REQUEUED"], "REQUEUED"),
        (["RUNNING", "CONFIGURING"], "CONFIGURING"),
        (["PENDING", "REQUEUE_HOLD", "SPECIAL_EXIT"], "REQUEUE_HOLD"),
        (["COMPLETED", "LAUNCH_FAILED"], "COMPLETED"),
        (["NEW_WORD"], "NEW_WORD"),
        ("TIMEOUT", "TIMEOUT"),
    ],
)
def test_a_flag_comes_before_the_state_as_in_slurms_own_words(words: Any, word: str) -> None:
    assert state_word(words) == word


@pytest.mark.parametrize("value", [None, "0:0", [], {"return_code": "x"}])
def test_an_exit_code_of_another_form_is_none(value: Any) -> None:
    assert exit_status(value) == (None, None)


@pytest.mark.parametrize(
    ("word", "in_service", "free"),
    [
        ("idle", True, 3),
        ("mixed", True, 3),
        ("idle*", False, 0),
        ("drained", False, 0),
        ("draining*", False, 0),
        ("down", False, 0),
        ("idle~", True, 0),
        ("maint", False, 0),
        ("something new", False, 0),
    ],
)
def test_the_words_of_sinfo_for_nodes(word: str, *, in_service: bool, free: int) -> None:
    row = {"NodeList": "n1", "PartitionName": "p", "StateLong": word, "CPUsState": "1/3/0/4", "Memory": "9"}
    (node,) = tables.nodes(list(columns.rows(line(columns.NODE, **row), columns.NODE)))
    assert (node.is_in_service, node.free_cpus, node.cpus) == (in_service, free, 4)


def test_the_accounting_by_document_and_by_lines() -> None:
    found = documents.recorded_jobs_of(documents.parse_document(printed("sacct.json")), 0)
    assert [(job.id, job.state, job.exit_code) for job in found] == [
        (9262158, "FAILED", 3),
        (9262161, "RUNNING", 0),
    ]
    values = {
        "JobIDRaw": "7",
        "JobID": "7",
        "JobName": "job.1",
        "State": "CANCELLED by 0",
        "ExitCode": "0:15",
    }
    (row,) = columns.rows(line(columns.RECORD, " ", **values), columns.RECORD, gap=1)
    job = tables.recorded_job(row, 0)
    assert (job.id, job.state, job.exit_code, job.signal, job.name) == (7, "CANCELLED", 0, 15, "job.1")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("00:01:02", 62),
        ("03:04.5", 184.5),
        ("1-02:03:04", 93784),
        ("UNLIMITED", None),
        ("", None),
        ("x", None),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert tables.seconds(text) == seconds
