"""Ends of Slurm's jobs: the record, Slurm's messages and the control folder are read together."""

from pathlib import Path

import pytest

from gateway.schedulers import batch_script
from gateway.schedulers.base import JobReport
from gateway.schedulers.slurm.recovery import recover_report
from gateway.schedulers.slurm.reports import translate_job
from gateway.states import JobState
from tests.unit.schedulers.slurm_jobs import NOW, job, write_exit, write_start

STEPD = "slurmstepd: error: "
AT = "2026-11-22T12:00:01"
OOM_KILLED = f"{STEPD}Detected 1 oom_kill event in StepId=7.0. Some of the step tasks have been OOM Killed."
OVER_MEMORY = f"{STEPD}StepId=7.0 exceeded memory limit (211914752 > 209715200), being killed"
FORGOTTEN_BY_SLURM = "srun: error: Unable to confirm allocation for job 7: Invalid job id specified"
SRUN_OOM = "srun: error: n1: task 0: Out Of Memory"
OLD_OVER_MEMORY = f"{STEPD}Job 7 exceeded memory limit (211914752 > 209715200), being killed"
FIGURES = "211,914,752 bytes, where 209,715,200 were allowed"
CANCELLED = f"{STEPD}*** JOB 7 ON n1 CANCELLED AT {AT}"
NODE_FAILURE = f"{CANCELLED} DUE TO NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS ***"

TOLD = [
    (OOM_KILLED, JobState.OUT_OF_MEMORY, "more memory"),
    (
        OOM_KILLED.replace("StepId=7.0", "StepId=7.batch").replace(" event", " events"),
        JobState.OUT_OF_MEMORY,
        "more",
    ),
    (
        OOM_KILLED.replace("stepd:", "stepd-n1:").replace("_kill", "-kill"),
        JobState.OUT_OF_MEMORY,
        "more memory",
    ),
    (SRUN_OOM, JobState.OUT_OF_MEMORY, "more memory"),
    (SRUN_OOM.replace("task 0", "tasks 0-3,7"), JobState.OUT_OF_MEMORY, "more memory"),
    (OVER_MEMORY, JobState.OUT_OF_MEMORY, FIGURES),
    (OLD_OVER_MEMORY, JobState.OUT_OF_MEMORY, FIGURES),
    (f"{STEPD}Exceeded job memory limit", JobState.OUT_OF_MEMORY, "more memory"),
    (NODE_FAILURE, JobState.NODE_FAILURE, "node of the job failed"),
    ("srun: error: Node failure on n2", JobState.NODE_FAILURE, "node of the job failed"),
    (f"{CANCELLED} DUE TO TIME LIMIT ***", JobState.TIMEOUT, "time limit"),
    (f"{CANCELLED} DUE TO PREEMPTION ***", JobState.FAILED, "higher priority"),
    (f"{CANCELLED} DUE TO JOB REQUEUE ***", JobState.FAILED, "a run starts only once"),
    (FORGOTTEN_BY_SLURM, JobState.LOST, "Slurm lost the job"),
    (
        f"{FORGOTTEN_BY_SLURM.rpartition(':')[0]}: Job is pending execution",
        JobState.LOST,
        "Slurm lost the job",
    ),
    ("srun: error: Slurm job 7 has expired", JobState.LOST, "Slurm lost the job"),
    (
        "srun: error: Check SLURM_JOB_ID environment variable. Expired or invalid job 7",
        JobState.LOST,
        "Slurm lost the job",
    ),
]
KILLED = [
    "srun: error: Slurm job 70 has expired",
    FORGOTTEN_BY_SLURM.replace("job 7", "job 8"),
    f"{CANCELLED} ***",
    f"{STEPD}*** STEP 7.0 ON n1 CANCELLED AT {AT} ***",
    "srun: error: n1: task 0: Killed",
    OOM_KILLED.replace("7.0", "8.0"),
    OVER_MEMORY.replace("7.0", "70.0"),
    f"x.csv: {OOM_KILLED}",
    f"{SRUN_OOM}: row 1, column 1: expected a number",
    OVER_MEMORY.replace("211914752", "9" * 400),
    f"{STEPD}StepId={'7' * 60_000} exceeded memory limit (2 > 1), being killed",
]


def log(folder: Path, line: str, name: str = batch_script.STDERR) -> None:
    (folder / name).write_text(f"50 %\nsrun: Job step aborted\n{line}\nsrun: Terminating StepId=7.0\n")


@pytest.mark.parametrize(("line", "state", "words"), TOLD)
@pytest.mark.parametrize("name", [batch_script.STDERR, "slurm-7.log"])
def test_a_message_of_slurm_tells_an_end_by_signal(
    tmp_path: Path, line: str, state: JobState, words: str, name: str
) -> None:
    log(tmp_path, line, name)
    write_exit(tmp_path, 137, None, limit_s=None)
    report = translate_job(job("FAILED", "NonZeroExitCode", 9, 0, folder=tmp_path), 0, NOW)
    assert (report.state, report.exit_code) == (state, 137)
    assert words in report.reason


@pytest.mark.parametrize(("line", "state", "words"), TOLD)
def test_so_it_does_after_slurm_has_forgotten_the_job(
    tmp_path: Path, line: str, state: JobState, words: str
) -> None:
    log(tmp_path, line)
    write_start(tmp_path, "7")
    for after_its_end in (False, True):
        if after_its_end:
            write_exit(tmp_path, 143, 15, limit_s=None)
        report = recover_report("job.1", tmp_path)
        assert report is not None
        assert (report.state, report.exit_code) == (state, 143 if after_its_end else None)
        assert words in report.reason


@pytest.mark.parametrize("line", KILLED)
def test_any_other_end_by_sigkill_is_no_lack_of_memory(tmp_path: Path, line: str) -> None:
    log(tmp_path, line)
    write_exit(tmp_path, 137, None, limit_s=None)
    report = translate_job(job("FAILED", "NonZeroExitCode", 9, 0, folder=tmp_path), 0, NOW)
    assert (report.state, report.exit_code) == (JobState.FAILED, 137)
    assert "killed by SIGKILL: by an operator" in report.reason
    assert "137" not in report.reason


def test_the_end_of_a_long_log_is_read(tmp_path: Path) -> None:
    with (tmp_path / batch_script.STDERR).open("wb") as file:
        file.truncate(1 << 32)
        file.seek(0, 2)
        file.write(f"\n{OVER_MEMORY}\n".encode())
    report = translate_job(job("FAILED", "NonZeroExitCode", 9, 0, folder=tmp_path), 0, NOW)
    assert report.state is JobState.OUT_OF_MEMORY


@pytest.mark.parametrize("kind", ["folder", "link", "bytes"])
def test_a_log_that_is_none_tells_nothing(tmp_path: Path, kind: str) -> None:
    place = tmp_path / batch_script.STDERR
    if kind == "folder":
        place.mkdir()
    elif kind == "link":
        place.symlink_to("/dev/zero")
    else:
        place.write_bytes(bytes(range(256)) * 64)
    report = translate_job(job("FAILED", "NonZeroExitCode", 3, 0, folder=tmp_path), 0, NOW)
    assert (report.state, report.reason) == (JobState.FAILED, "the job ended with exit code 3")


def test_a_job_that_succeeded_or_ran_out_of_time_stays_so(tmp_path: Path) -> None:
    log(tmp_path, OOM_KILLED)
    for state, expected in (("COMPLETED", JobState.SUCCEEDED), ("TIMEOUT", JobState.TIMEOUT)):
        assert translate_job(job(state, exit_code=0, folder=tmp_path), 0, NOW).state is expected
    cancelled = job("CANCELLED", signal=15, folder=tmp_path)
    assert translate_job(cancelled, 0, NOW).state is JobState.OUT_OF_MEMORY


def test_a_cancelled_job_is_cancelled_whatever_else_its_log_says(tmp_path: Path) -> None:
    log(tmp_path, f"{CANCELLED} DUE TO JOB REQUEUE ***")
    report = translate_job(job("CANCELLED", signal=15, folder=tmp_path), 0, NOW)
    assert report.state is JobState.CANCELLED


@pytest.mark.parametrize(
    ("exit_code", "signal", "state"),
    [(0, None, JobState.SUCCEEDED), (3, None, JobState.FAILED), (143, 15, JobState.CANCELLED)],
)
def test_a_job_in_completing_has_ended_with_its_exit_file(
    tmp_path: Path, exit_code: int, signal: int | None, state: JobState
) -> None:
    completing = job("COMPLETING", exit_code=0, folder=tmp_path)
    assert translate_job(completing, 0, NOW).state is JobState.RUNNING
    write_start(tmp_path, "7")
    log(tmp_path, f"{CANCELLED} ***")
    assert translate_job(completing, 0, NOW).state is JobState.RUNNING
    write_exit(tmp_path, exit_code, signal, limit_s=None)
    report = translate_job(completing, 0, NOW)
    assert (report.state, report.exit_code) == (state, exit_code)
    assert report.ended_at is not None


def test_a_job_in_completing_whose_ranks_still_end_runs(tmp_path: Path) -> None:
    write_start(tmp_path, "7")
    log(tmp_path, f"{CANCELLED} DUE TO TIME LIMIT ***")
    assert translate_job(job("COMPLETING", folder=tmp_path), 0, NOW).state is JobState.RUNNING


def test_the_exit_file_of_another_copy_is_not_the_end_of_this_one(tmp_path: Path) -> None:
    write_start(tmp_path, "8")
    write_exit(tmp_path, 0, None, limit_s=None)
    assert translate_job(job("COMPLETING", folder=tmp_path), 0, NOW).state is JobState.RUNNING


def requeued(folder: Path, state: str = "PENDING", reason: str = "BeginTime") -> JobReport:
    return translate_job(job(state, reason, restarts=1, folder=folder), 0, NOW)


@pytest.mark.parametrize("state", ["PENDING", "REQUEUED", "REQUEUE_HOLD"])
def test_a_job_that_is_put_back_into_the_queue_has_ended_if_it_had_started(
    tmp_path: Path, state: str
) -> None:
    assert requeued(tmp_path, state).state is JobState.PENDING
    write_start(tmp_path, "7")
    for exit_code in (None, 143):
        if exit_code is not None:
            write_exit(tmp_path, exit_code, 15, limit_s=None)
        report = requeued(tmp_path, state)
        assert (report.state, report.exit_code) == (JobState.FAILED, exit_code)
        assert "operator of the cluster put the job back into the queue" in report.reason


def test_the_second_start_of_such_a_job_tells_the_requeue_and_no_exit_code(tmp_path: Path) -> None:
    write_start(tmp_path, "7")
    record = job("FAILED", "NonZeroExitCode", batch_script.ALREADY_STARTED, 0, folder=tmp_path)
    report = translate_job(record, 0, NOW)
    assert report.state is JobState.FAILED
    assert "put the job back into the queue" in report.reason


def test_a_revoked_job_runs_on_another_cluster_of_the_federation(tmp_path: Path) -> None:
    revoked = job("REVOKED", folder=tmp_path)
    assert translate_job(revoked, 0, NOW).state is JobState.PENDING
    write_start(tmp_path, "7")
    running = translate_job(revoked, 0, NOW)
    assert (running.state, running.started_at) == (JobState.RUNNING, NOW)
    assert "another cluster of the federation" in running.reason
    write_exit(tmp_path, 3, None, limit_s=None)
    assert translate_job(revoked, 0, NOW).state is JobState.FAILED


@pytest.mark.parametrize(
    ("exit_code", "signal", "reason", "words"),
    [
        (0, 10, "RaisedSignal:10(User defined signal 1)", "ended from outside by SIGUSR1"),
        (0, 15, "RaisedSignal:15(Terminated)", "ended from outside by SIGTERM"),
        (0, 9, "RaisedSignal:9(Killed)", "killed by SIGKILL"),
        (0, 11, "RaisedSignal:11(Segmentation fault)", "a process of the job crashed (SIGSEGV)"),
        (1, 0, "RaisedSignal:53(Real-time_signal_19)", "could not open the job's log"),
        (1, 0, "JobLaunchFailure", "exit code 1 (Slurm: JobLaunchFailure)"),
        (0, 1, "RaisedSignal:1(Hangup)", "ended from outside by SIGHUP"),
        (0, 1, "InvalidAccount", "Slurm has ended the job: its Slurm account is not known"),
        (0, 1, "OddWord", "Slurm has ended the job: OddWord"),
        (0, 1, "None", "Slurm has ended the job and gives no cause"),
    ],
)
def test_signals_are_told_by_name(
    tmp_path: Path, exit_code: int, signal: int, reason: str, words: str
) -> None:
    report = translate_job(job("FAILED", reason, exit_code, signal, folder=tmp_path), 0, NOW)
    assert report.state is JobState.FAILED
    assert words in report.reason
