"""Reports from recorded records of Slurm; no Slurm is needed."""

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.schedulers import batch_script
from gateway.schedulers.slurm.pending import pending_reason
from gateway.schedulers.slurm.queue_snapshot import QueueSnapshot, Room
from gateway.schedulers.slurm.records import SlurmJob, SlurmNode
from gateway.schedulers.slurm.recovery import recover_report
from gateway.schedulers.slurm.reports import duplicate_jobs, translate_job, translate_jobs
from gateway.schedulers.slurm.states import STATES
from gateway.states import JobState
from tests.unit.schedulers.slurm_jobs import NOW, job, write_exit, write_start


@pytest.mark.parametrize(
    ("seen", "state", "exit_code", "words"),
    [
        (job("COMPLETED", "None", 0, 0), JobState.SUCCEEDED, 0, ""),
        (job("FAILED", "NonZeroExitCode", 3, 0), JobState.FAILED, 3, "exit code 3"),
        (job("FAILED", "NonZeroExitCode", 0, 9), JobState.FAILED, 137, "killed by SIGKILL"),
        (job("FAILED", "NonZeroExitCode", 74, 0), JobState.FAILED, 74, "filesystem may be full"),
        (job("FAILED", "RaisedSignal:53(Real-time_signal_19)", 1, 0), JobState.FAILED, 1, "RaisedSignal"),
        (job("CANCELLED", "None", 0, 15), JobState.CANCELLED, 143, "cancelled on the cluster"),
        (job("TIMEOUT", "TimeLimit", 0, 0), JobState.TIMEOUT, None, "time limit"),
        (job("DEADLINE", "DeadLine", 0, 0), JobState.TIMEOUT, None, "deadline"),
        (job("OUT_OF_MEMORY", "OutOfMemory", 0, 125), JobState.OUT_OF_MEMORY, None, "more memory"),
        (job("NODE_FAIL", "NodeDown", 1, 0), JobState.NODE_FAILURE, None, "node of the job failed"),
        (job("BOOT_FAIL", "None", 0, 0), JobState.NODE_FAILURE, None, "failed to start"),
        (job("LAUNCH_FAILED", "JobLaunchFailure", 1, 0), JobState.NODE_FAILURE, None, "could not be started"),
        (job("PREEMPTED", "None", 0, 15), JobState.FAILED, 143, "higher priority"),
        (job("SUSPENDED"), JobState.RUNNING, None, "suspended"),
        (job("REQUEUE_HOLD"), JobState.PENDING, None, "holds it"),
        (job("COMPLETING", exit_code=0), JobState.RUNNING, None, ""),
        (job("CONFIGURING"), JobState.PENDING, None, "making them ready"),
    ],
)
def test_every_kind_of_state(seen: SlurmJob, state: JobState, exit_code: int | None, words: str) -> None:
    report = translate_job(seen, 0, NOW)
    assert (report.state, report.exit_code, report.scheduler_id) == (state, exit_code, "7")
    assert words in report.reason
    assert (report.reason == "") == (words == "")
    assert (report.ended_at is None) == (state in {JobState.PENDING, JobState.RUNNING})


def test_the_table_knows_every_state_of_the_manual() -> None:
    manual = """BOOT_FAIL CANCELLED COMPLETED CONFIGURING COMPLETING DEADLINE FAILED LAUNCH_FAILED NODE_FAIL
        OUT_OF_MEMORY PENDING POWER_UP_NODE PREEMPTED RECONFIG_FAIL REQUEUED REQUEUE_FED REQUEUE_HOLD RESIZING
        RESV_DEL_HOLD REVOKED RUNNING SIGNALING SPECIAL_EXIT STAGE_OUT STOPPED SUSPENDED TIMEOUT UPDATE_DB"""
    assert set(manual.split()) <= STATES.keys()


def test_an_unknown_state_is_shown_and_logged_not_guessed(caplog: pytest.LogCaptureFixture) -> None:
    report = translate_job(job("WARPED", "Odd"), 0, NOW)
    assert report.state is None
    assert "'WARPED' (Odd)" in report.reason
    assert "WARPED" in caplog.text


@pytest.mark.parametrize(
    ("reason", "ahead", "start_in", "words"),
    [
        ("None", 0, None, "waiting: Slurm has not looked at it yet"),
        (
            "Resources",
            0,
            timedelta(hours=2, minutes=5),
            "waiting for 1 of 2 nodes with 4 free CPUs each; Slurm expects to start it at 14:05 UTC",
        ),
        ("Priority", 1, None, "waiting: jobs of higher priority are ahead; 1 job is ahead in the queue"),
        ("Priority", 10, None, "waiting: jobs of higher priority are ahead; 10 jobs are ahead in the queue"),
        (
            "Priority",
            3456,
            None,
            "waiting: jobs of higher priority are ahead; 3000 jobs or more are ahead in the queue",
        ),
        (
            "Resources",
            0,
            timedelta(days=1),
            (
                "waiting for 1 of 2 nodes with 4 free CPUs each;"
                " Slurm expects to start it at 2026-11-23 12:00 UTC"
            ),
        ),
        ("Resources", 0, timedelta(days=365), "waiting for 1 of 2 nodes with 4 free CPUs each"),
        ("Resources", 0, timedelta(hours=-1), "waiting for 1 of 2 nodes with 4 free CPUs each"),
        (
            "DependencyNeverSatisfied",
            5,
            None,
            "waiting: a job that it depends on has failed, so it can never start; cancel it",
        ),
        (
            "ReqNodeNotAvail, UnavailableNodes:n[1-2]",
            0,
            None,
            "waiting: a node that it needs is down, drained or reserved (UnavailableNodes:n[1-2])",
        ),
        (
            "AssocMaxJobsLimit",
            0,
            None,
            (
                "waiting: as many jobs of the cluster account that submits it run as may at once"
                " (AssocMaxJobsLimit)"
            ),
        ),
        ("NewInSlurm99", 0, None, "waiting: Slurm says 'NewInSlurm99'"),
    ],
)
def test_waiting_in_plain_words(reason: str, ahead: int, start_in: timedelta | None, words: str) -> None:
    start_at = None if start_in is None else NOW + start_in
    assert pending_reason(job(reason=reason, start_at=start_at), ahead, 1, NOW) == words


@pytest.mark.parametrize(
    ("states", "words"),
    [
        (["IDLE", "IDLE"], "waiting for memory or another resource beside 8 free CPUs"),
        (["IDLE", "ALLOCATED"], "waiting for 1 of 2 nodes with 4 free CPUs each"),
        (["IDLE+DRAIN", "DOWN"], "waiting for 2 of 2 nodes with 4 free CPUs each"),
    ],
)
def test_waiting_for_room_says_how_many_nodes_are_missing(states: list[str], words: str) -> None:
    nodes = [
        SlurmNode(
            f"n{number}", state, cpus=4, idle_cpus=0 if state == "ALLOCATED" else 4, partitions=("debug",)
        )
        for number, state in enumerate(states)
    ]
    elsewhere = SlurmNode("n9", "IDLE", cpus=64, idle_cpus=64, partitions=("gpu",))
    reports = translate_jobs(
        [job(reason="Resources")], 1000, NOW, QueueSnapshot(room=Room([*nodes, elsewhere]))
    )
    assert reports["job.1"].reason == words


def test_waiting_for_a_single_node() -> None:
    assert (
        pending_reason(job(reason="Resources", nodes=1), 0, 0, NOW) == "waiting for a node with 8 free CPUs"
    )


def test_the_place_in_the_queue_is_by_priority() -> None:
    queue = [
        job(reason="Priority", number=1, name="a.1", priority=5),
        job(reason="Priority", number=2, name="b.1", priority=9),
        job(reason="Priority", number=3, name="c.1", priority=5),
        job(reason="Priority", number=4, name="theirs", priority=9, user_id=7, partition="small,debug"),
        job(reason="Priority", number=5, name="elsewhere", priority=9, partition="gpu"),
    ]
    reports = translate_jobs(queue, 1000, NOW)
    assert "ahead in the queue" not in reports["b.1"].reason
    assert "2 jobs are ahead" in reports["a.1"].reason
    assert "3 jobs are ahead" in reports["c.1"].reason
    assert "ahead in the queue" not in reports["elsewhere"].reason
    assert "theirs" not in reports


def test_a_stranger_s_job_of_the_same_name_is_not_ours(tmp_path: Path) -> None:
    write_start(tmp_path, "2")
    copies = [job("RUNNING", number=2, folder=tmp_path), job("PENDING", number=3, user_id=7, folder=tmp_path)]
    assert translate_jobs(copies, 1000, NOW)["job.1"].scheduler_id == "2"
    assert duplicate_jobs(copies, 1000) == []


@pytest.mark.parametrize(("started", "duplicates"), [("1", [3]), ("3", [])])
def test_of_two_copies_the_one_that_started_is_told(
    tmp_path: Path, started: str, duplicates: list[int]
) -> None:
    copies = [
        job("RUNNING", number=1, folder=tmp_path),
        job("FAILED", exit_code=batch_script.ALREADY_STARTED, number=2, folder=tmp_path),
        job("PENDING", number=3, folder=tmp_path),
    ]
    assert translate_jobs(copies, 1000, NOW)["job.1"].scheduler_id == "1"
    assert duplicate_jobs(copies, 1000) == []
    write_start(tmp_path, started)
    assert translate_jobs(copies, 1000, NOW)["job.1"].scheduler_id == started
    assert [copy.id for copy in duplicate_jobs(copies, 1000)] == duplicates


def test_only_a_copy_that_gave_up_is_left(tmp_path: Path) -> None:
    write_start(tmp_path, "1")
    late = job("FAILED", exit_code=batch_script.ALREADY_STARTED, number=2, folder=tmp_path)
    assert translate_jobs([late], 1000, NOW) == {}


def test_a_kernel_that_ends_with_that_code_is_believed(tmp_path: Path) -> None:
    write_start(tmp_path, "2")
    write_exit(tmp_path, batch_script.ALREADY_STARTED, None, limit_s=None)
    real = job("FAILED", exit_code=batch_script.ALREADY_STARTED, number=2, folder=tmp_path)
    assert translate_jobs([real], 1000, NOW)["job.1"].exit_code == batch_script.ALREADY_STARTED


def test_the_folder_s_exit_code_is_exact(tmp_path: Path) -> None:
    write_exit(tmp_path, 143, None, limit_s=None)
    report = translate_job(job("FAILED", "NonZeroExitCode", 15, 0, number=99, folder=tmp_path), 0, NOW)
    assert report.exit_code == 143


@pytest.mark.parametrize(
    ("exit_code", "signal", "after_s", "limit_s", "state"),
    [
        (0, None, 1, None, JobState.SUCCEEDED),
        (2, None, 1, None, JobState.FAILED),
        (143, 15, 10, None, JobState.CANCELLED),
        (143, 15, 10, 60, JobState.CANCELLED),
        (143, 15, 60, 60, JobState.TIMEOUT),
        (143, None, 75, 60, JobState.TIMEOUT),
        (143, None, 5, 60, JobState.CANCELLED),
        (2, None, 75, 60, JobState.FAILED),
    ],
)
def test_what_the_folder_says(  # noqa: PLR0917
    tmp_path: Path, exit_code: int, signal: int | None, after_s: int, limit_s: int | None, state: JobState
) -> None:
    assert recover_report("job.1", tmp_path) is None
    write_start(tmp_path, "5")
    lost = recover_report("job.1", tmp_path)
    assert lost is not None
    assert lost.state is JobState.LOST
    write_exit(tmp_path, exit_code, signal, after_s=after_s, limit_s=limit_s)
    report = recover_report("job.1", tmp_path)
    assert report is not None
    assert (report.state, report.exit_code, report.scheduler_id) == (state, exit_code, "5")
