"""Slurm by its commands: their forms, failures, arguments and number."""

import json
import re
from pathlib import Path

import pytest

from gateway.command_runners.base import (
    CommandOutputTooLarge,
    CommandResult,
    CommandTimedOut,
)
from gateway.errors import SchedulerError, SchedulerUnavailable
from gateway.schedulers.base import JobSpec, Resources
from gateway.schedulers.slurm.commands import columns
from gateway.schedulers.slurm.commands.calls import error_of
from gateway.schedulers.slurm.commands.options import sbatch_options
from gateway.schedulers.slurm.commands.scheduler import CommandScheduler
from gateway.schedulers.slurm.submission import submission_options
from tests.unit.schedulers.slurm_runner import JOB, Answer, client, line, old, printed


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"null", b'{"jobs": {}}', b'{"jobs": [1]}', b'{"jobs": [{}]}', b"[" * 100_000]
)
def test_a_document_that_is_not_understood_gives_way_to_lines_and_is_told_once(
    text: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    def squeue(command: str) -> bytes:
        return text if "--json" in command else line(columns.JOB, **JOB)

    one, runner = client(squeue=squeue)
    assert [job.id for job in one.own_jobs()] == [7]
    assert [job.id for job in one.own_jobs()] == [7]
    assert sum("--json" in command for command in runner.commands) == 1
    assert caplog.text.count("squeue is read by lines") == 1


@pytest.mark.parametrize(
    "printed",
    [
        b"squeue: error: Unable to find plugin: serializer/json\nsqueue: fatal: JSON plugin load failure\n",
        b"squeue: fatal: Unable to find plugin: serializer/json\n",
        b"squeue: fatal: Unable to load data_parser plugin\n",
        b"squeue: unrecognized option '--json'\nTry \"squeue --help\" for more information\n",
    ],
    ids=["load", "find", "parser", "option"],
)
def test_a_slurm_that_was_built_without_json_is_read_by_lines(printed: bytes) -> None:
    def squeue(command: str) -> Answer:
        return CommandResult(1, b"", printed) if "--json" in command else line(columns.JOB, **JOB)

    one, runner = client(squeue=squeue)
    assert [job.id for job in one.own_jobs()] == [7]
    assert [job.id for job in one.own_jobs()] == [7]
    assert sum("--json" in command for command in runner.commands) == 1


def test_too_large_a_document_gives_way_to_lines() -> None:
    def squeue(command: str) -> Answer:
        return CommandOutputTooLarge("too much") if "--json" in command else line(columns.JOB, **JOB)

    one, _ = client(squeue=squeue)
    assert [job.id for job in one.own_jobs()] == [7]


@pytest.mark.parametrize("version", [b"slurm 20.11.9\n", b"slurm-wlm 21.07.0\n"])
def test_an_old_slurm_is_never_asked_for_json(version: bytes, caplog: pytest.LogCaptureFixture) -> None:
    one, runner = client(sinfo__version=version, squeue=line(columns.JOB, **JOB))
    assert one.own_jobs()
    assert one.own_jobs()
    assert not any("--json" in command for command in runner.commands)
    assert caplog.text.count("has no JSON before 21.08") == 1


def test_an_error_in_a_document_is_no_empty_listing() -> None:
    """Older versions end with 0 all the same."""
    error = {"error": "Unable to contact slurm controller (connect failure)", "error_number": 1800}
    one, runner = client(squeue=json.dumps({"jobs": [], "errors": [error]}).encode())
    with pytest.raises(SchedulerUnavailable, match="does not answer: Unable to contact.*1800"):
        one.own_jobs()
    assert len(runner.commands) == 3


def test_jobs_of_others_are_left_out_where_squeue_ignores_its_filter() -> None:
    one, _ = client(squeue=json.dumps({"jobs": [old(), old(user_id=1, job_id=8)]}).encode())
    assert [job.id for job in one.own_jobs()] == [7]


@pytest.mark.parametrize(
    ("stderr", "words"),
    [
        ("slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n", r"\(1800\)"),
        ("squeue: error: x\nslurm_load_jobs error: Socket timed out on send/recv operation\n", r"\(5004\)"),
        ("sinfo: error: If munged is up, restart with --num-threads=10\n", "munged"),
        ("squeue: fatal: Could not establish a configuration source\n", "configuration source"),
        ("", "ended with 1"),
    ],
)
def test_a_controller_that_is_away_is_transient(stderr: str, words: str) -> None:
    one, _ = client(squeue=CommandResult(1, b"", stderr.encode()))
    with pytest.raises(SchedulerUnavailable, match=f"Slurm does not answer.*{words}"):
        one.own_jobs()


def test_a_controller_that_hangs_is_transient() -> None:
    one, _ = client(squeue=CommandTimedOut("squeue did not answer within 60 s"))
    with pytest.raises(SchedulerUnavailable, match="Slurm does not answer: squeue did not answer"):
        one.own_jobs()


def test_a_missing_command_is_told_with_its_setting() -> None:
    one, _ = client(squeue=CommandResult(127, b"", b"env: 'squeue': No such file or directory\n"))
    with pytest.raises(SchedulerUnavailable, match="squeue is not found.*`path`"):
        one.own_jobs()


SPEC = JobSpec("job.1", Path("/c/job.1"), ("true",), 2, 4, "srun", resources=Resources(partition="nosuch"))


@pytest.mark.parametrize(
    ("text", "words", "transient"),
    [
        (
            "sbatch: error: x\nsbatch: error: failed: Invalid partition name specified",
            r"2000.*no partition 'nosuch': name another one",
            False,
        ),
        (
            "sbatch: error: Batch job submission failed: Requested node configuration is not available",
            "2014",
            False,
        ),
        ("sbatch: error: Memory specification can not be satisfied", "Memory specification", False),
        (
            "sbatch: error: Batch job submission failed: Unable to contact slurm controller (send failure)",
            "1801",
            True,
        ),
        (
            "sbatch: error: Slurm is unable to accept job: x timed out",
            "timed",
            True,
        ),
    ],
)
def test_a_submission_that_fails(text: str, words: str, *, transient: bool) -> None:
    error = error_of("sbatch", 1, text, SPEC)
    assert error.transient is transient
    assert re.search(words, error.detail)


def test_every_option_of_pyslurm_has_its_argument() -> None:
    resources = Resources("a,b", "lab", "long", "avx", "course", "gpu:a100:2", None, None, 61, 2**20)
    spec = JobSpec("job.1", Path("/c/job.1"), ("x",), 4, 2, "srun", resources=resources, array_size=3)
    assert set(sbatch_options(submission_options(spec, 2))) == {
        "--parsable",
        "--no-requeue",
        "--export=ALL",
        "--input=/dev/null",
        "--job-name=job.1",
        "--comment=job.1",
        "--chdir=/c/job.1",
        "--output=slurm-%A_%a.log",
        "--error=slurm-%A_%a.log",
        "--ntasks=4",
        "--cpus-per-task=2",
        "--nodes=2",
        "--array=1-3",
        "--partition=a,b",
        "--account=lab",
        "--qos=long",
        "--constraint=avx",
        "--reservation=course",
        "--gres=gpu:a100:2",
        "--time=2",
        "--mem-per-cpu=1M",
    }


def test_more_nodes_than_ranks_are_refused_as_sbatch_would_lower_them() -> None:
    with pytest.raises(SchedulerError, match=r"3 nodes and has 2 ranks: lower resources\.nodes"):
        sbatch_options(submission_options(SPEC, 3))


def test_a_cancel_names_account_and_job() -> None:
    one, runner = client(scancel=b"")
    one.cancel("job.1", 7)
    assert runner.commands[-1] == "scancel --user=0 --name=job.1 7"


def test_the_nodes_and_partitions() -> None:
    def sinfo(command: str) -> bytes:
        if "--json" in command:
            return printed("sinfo.json")
        if "%P" in command:
            return b"debug*\nsmall\n"
        values = {"Available": "up", "Size": "1-infinite", "MaxCPUsPerNode": "UNLIMITED"}
        names = ("debug", "small")
        return b"".join(line(columns.PARTITION, **values, PartitionName=name) for name in names)

    one, _ = client(sinfo=sinfo)
    assert [(node.name, node.partitions, node.cpus) for node in one.nodes()] == [
        ("n1", ("debug", "small"), 4),
        ("n2", ("debug", "small"), 4),
    ]
    assert [(p.name, p.is_default, p.is_up, p.max_nodes) for p in one.partitions()] == [
        ("debug", True, True, None),
        ("small", False, True, None),
    ]


def test_a_partition_of_a_thousand_nodes_has_its_number() -> None:
    """sinfo prints 1024 as 1K, unless it is asked not to."""

    def sinfo(command: str) -> bytes:
        if "%P" in command:
            return b"huge*\n"
        size = "1-1024" if "--noconvert" in command else "1-1K"
        values = {"PartitionName": "huge", "Available": "up", "Size": size, "MaxCPUsPerNode": "UNLIMITED"}
        return line(columns.PARTITION, **values)

    one, _ = client(sinfo=sinfo)
    assert [partition.max_nodes for partition in one.partitions()] == [1024]


def test_the_figures_need_no_text_of_any_user() -> None:
    row = {"JobID": "8", "UserID": "5", "State": "PENDING", "PriorityLong": "9", "Partition": "debug"}
    one, runner = client(squeue=line(columns.QUEUE, **row))
    (other,) = one.pending_jobs_of_others()
    assert (other.id, other.priority, other.partition, other.name) == (8, 9, "debug", "")
    assert not re.search("Name|Comment|WorkDir|Reason", runner.commands[-2])


def test_one_listing_a_look_whatever_the_number_of_jobs() -> None:
    text = b"".join(line(columns.JOB, **(JOB | {"JobID": str(n), "Name": f"job.{n}"})) for n in range(1, 500))
    one, runner = client(sinfo__version=b"slurm 20.02\n", squeue=text)
    looks = CommandScheduler(one)
    looks.jobs()
    runner.commands.clear()
    assert len(looks.jobs()) == 499
    assert len(runner.commands) == 1


@pytest.mark.parametrize(
    ("told", "is_up"),
    [
        ("Slurmctld(primary) at n1 is UP\n", True),
        ("Slurmctld(primary) at n1 is DOWN\nSlurmctld(backup) at n2 is UP\n", True),
        ("Slurmctld(primary/backup) at n1/n2 are UP/DOWN\n", True),
        ("Slurmctld(primary/backup) at n1/n2 are DOWN/UP\n", True),
        ("Slurmctld(primary/backup) at n1/(NULL) are DOWN/DOWN\n", False),
        ("Slurmctld(primary) at UP is DOWN\n", False),
        ("", False),
    ],
)
def test_a_controller_that_is_up_in_the_words_of_each_version(told: str, *, is_up: bool) -> None:
    one, _ = client(scontrol=told.encode())
    if is_up:
        one.check()
        return
    with pytest.raises(SchedulerUnavailable):
        one.check()
