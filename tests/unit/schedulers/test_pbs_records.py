"""What PBS says of waits, ends and refusals: each sentence from a recording of a real OpenPBS."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.errors import ArrayTooLarge, GatewayError, SchedulerError
from gateway.schedulers import batch_script
from gateway.schedulers.base import JobReport, JobSpec, SubmittedJob
from gateway.schedulers.pbs import records
from gateway.schedulers.pbs.errors import pbs_error
from gateway.schedulers.pbs.pending import waiting_reason
from gateway.schedulers.pbs.reports import record_of_run, report_ended, report_listed
from gateway.states import JobState
from tests.pbs.fake_pbs import dsv_line
from tests.pbs.replay import answer
from tests.unit.schedulers.pbs_recordings import (
    record,
    submitted,
)
from tests.unit.schedulers.slurm_records import write_exit, write_start


def ended(name: str, folder: Path, job_id: str = "") -> JobReport:
    job = record(name, job_id)
    found = report_ended(submitted(job, folder), job, is_gone=False)
    assert found is not None
    return found


def test_the_form_of_lines_is_the_recorded_one() -> None:
    line = answer("qstat_f_dsv_running").stdout.decode().strip()
    (found,) = records.jobs_of_lines(line.encode())
    assert (found.id, found.name, found.owner, found.state) == ("51.pbs1", "running", "user", "R")
    assert found.time_limit_s == 60
    assert found.start_at == datetime(2026, 11, 29, 18, 37, 38, tzinfo=UTC)
    assert found.folder == Path("/home/user/run")
    shown = records.parse_answer(answer("qstat_f_json_running_just_started").stdout)["Jobs"]["51.pbs1"]
    mine = {field.partition("=")[0] for field in dsv_line("51.pbs1", shown).split("|")}
    assert mine <= {field.partition("=")[0] for field in line.split("|")}


@pytest.mark.parametrize(
    ("name", "state", "code", "words"),
    [
        ("finished_exit0", JobState.SUCCEEDED, 0, ""),
        ("full", JobState.SUCCEEDED, 0, ""),
        ("job_across_server_restart", JobState.SUCCEEDED, 0, ""),
        ("finished_exit3", JobState.FAILED, 3, "exit code 3"),
        ("finished_exit200", JobState.FAILED, 200, "exit code 200"),
        ("finished_killed_self_sigkill", JobState.FAILED, 137, "SIGKILL"),
        ("finished_killed_self_sigsegv", JobState.FAILED, 139, "crashed (SIGSEGV)"),
        ("finished_child_sigkill", JobState.FAILED, 137, "SIGKILL"),
        ("finished_walltime_exceeded", JobState.TIMEOUT, None, "time limit"),
        ("finished_mem_exceeded", JobState.OUT_OF_MEMORY, None, "more memory"),
        ("finished_cput_exceeded", JobState.FAILED, 137, "SIGKILL"),
        ("finished_command_not_found", JobState.FAILED, 127, "exit code 127"),
        ("finished_bad_shell", JobState.FAILED, 254, "exit code 254"),
        ("finished_bad_interpreter", JobState.FAILED, 127, "exit code 127"),
        ("finished_dep_fail", JobState.FAILED, None, "depends on has not succeeded"),
        ("finished_dep_never", JobState.FAILED, None, "depends on has not succeeded"),
        ("finished_qsig_TERM", JobState.FAILED, 143, "SIGTERM"),
        ("finished_SIGKILL", JobState.FAILED, 137, "SIGKILL"),
        ("qdel_while_queued", JobState.CANCELLED, None, "cancelled on the cluster"),
        ("qdel_while_running", JobState.CANCELLED, None, "cancelled on the cluster"),
        ("qdel_trap", JobState.CANCELLED, None, "cancelled on the cluster"),
        ("node_down_later_not_rerunnable", JobState.NODE_FAILURE, None, "node of the job failed"),
        ("mom_back_multinode", JobState.FAILED, 143, "SIGTERM"),
        ("no_home_dir", JobState.FAILED, None, "no home folder"),
    ],
)
def test_every_recorded_end(name: str, state: JobState, code: int | None, words: str, tmp_path: Path) -> None:
    end = ended(f"qstat_f_json_{name}", tmp_path)
    assert (end.state, end.exit_code) == (state, code)
    assert words in end.reason
    assert end.scheduler_id == record(f"qstat_f_json_{name}").id


@pytest.mark.parametrize(
    ("status", "state", "words"),
    [
        (-4, JobState.NODE_FAILURE, "started anew on a node"),
        (-19, JobState.FAILED, "a hook of the cluster has deleted"),
        (-25, JobState.FAILED, "more processors"),
        (-26, JobState.OUT_OF_MEMORY, "more memory"),
        (-28, JobState.TIMEOUT, "processor time"),
        (-30, JobState.NODE_FAILURE, "node of the job failed"),
        (-31, JobState.OUT_OF_MEMORY, "more memory"),
        (-99, JobState.FAILED, r"Exit_status -99"),
    ],
)
def test_the_numbers_of_pbs_that_were_not_recorded(
    status: int, state: JobState, words: str, tmp_path: Path
) -> None:
    """They are those of OpenPBS's job.h: -26 is of virtual memory and -28 of processor time."""
    job = records.PbsJob("1.x", "job.1", "user", "F", exit_status=status, folder=tmp_path)
    report = report_listed(job)
    assert report.state is state
    assert words in report.reason


@pytest.mark.parametrize("status", [0, 271, -20, -29, 137, None])
def test_a_script_that_has_ended_well_has_done_its_work(status: int | None, tmp_path: Path) -> None:
    """A qdel, a limit or a dead node may come between the script's end and that of PBS's job."""
    write_start(tmp_path, "1")
    write_exit(tmp_path, 0)
    substate = 91 if status == 271 else 93
    job = records.PbsJob("1.x", "job.1", "user", "F", substate=substate, exit_status=status, folder=tmp_path)
    report = report_listed(job)
    assert (report.state, report.exit_code, report.reason) == (JobState.SUCCEEDED, 0, "")


def test_an_account_may_have_an_at_sign_and_a_server_an_underscore() -> None:
    job = {"Job_Name": "job.1", "Job_Owner": "ada@example.org@login_1", "job_state": "R"}
    (found,) = records.pbs_jobs({"Jobs": {"7[2].pbs_server": job}})
    assert (found.owner, found.number, found.name) == ("ada@example.org", "7_2", "job.1[2]")


def test_the_folder_has_the_exit_code_that_pbs_does_not_tell(tmp_path: Path) -> None:
    write_start(tmp_path, "41")
    write_exit(tmp_path, 143, 15)
    end = ended("qstat_f_json_finished_walltime_exceeded", tmp_path)
    assert (end.state, end.exit_code) == (JobState.TIMEOUT, 143)


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("qstat_f_json_exiting", JobState.RUNNING),
        ("qstat_f_json_output_missing_dir", JobState.RUNNING),
        ("qstat_f_json_node_down_later_rerunnable", JobState.PENDING),
        ("qstat_f_json_mom_back_rerunnable", JobState.RUNNING),
        ("qstat_f_json_node_down_not_rerunnable", JobState.RUNNING),
        ("qstat_f_json_suspended", JobState.RUNNING),
    ],
)
def test_an_exit_status_before_the_end_is_none(name: str, state: JobState) -> None:
    report = report_listed(record(name))
    assert (report.state, report.exit_code, report.ended_at) == (state, None, None)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("queued_never_cpus", "waiting does not help: PBS can never run it (Insufficient amount"),
        ("queued_never_mem", "cancel it and ask for less"),
        ("queued_queue_stopped", "its queue starts no jobs"),
        ("queued_waiting_resources", "its nodes are not free yet"),
        ("queued_node_down", "waiting for host"),
        ("queued_scheduling_off", "PBS has not looked at it yet"),
        ("held", "the cluster account can release it"),
        ("dependency_waiting", "a job that it depends on has not ended"),
        ("waiting", "its start time has not come yet"),
    ],
)
def test_every_recorded_wait(name: str, words: str) -> None:
    assert words in waiting_reason(record(f"qstat_f_json_{name}"))


def test_a_state_that_is_in_no_table_is_told() -> None:
    job = records.PbsJob("1.x", "job.1", "user", "Z", comment="odd")
    report = report_listed(job)
    assert report.state is None
    assert "'Z' (odd)" in report.reason


@pytest.mark.parametrize(
    ("name", "words", "transient"),
    [
        ("qsub_unknown_queue", "Unknown queue .*170.*default queue.*resources.partition", False),
        ("qsub_disabled_queue", "not enabled.*accepts no jobs now", False),
        ("qsub_walltime_over_queue_max", "resource limits.*ask for less time", False),
        ("qsub_ngpus_select", "ngpus.*resources.gres", False),
        ("qsub_queue_acl", "may not submit", False),
        ("qsub_no_default_queue", "no default queue", False),
        ("qsub_as_root_refused", "Bad UID.*admit it", False),
        ("qsub_name_semi_colon", "illegal -N value", False),
        ("server_stopped_qsub", "does not answer: qsub: cannot connect", True),
        ("server_unknown_host_qsub", "does not answer: qsub: cannot connect", True),
    ],
)
def test_every_recorded_refusal(name: str, words: str, *, transient: bool) -> None:
    spec = JobSpec("job.1", Path("/x"), ("true",), 1, 1, "hosts")
    found = answer(name)
    error = pbs_error("qsub", found.returncode, found.stderr.decode(), spec)
    assert isinstance(error, SchedulerError)
    assert error.transient is transient
    with pytest.raises(GatewayError, match=words):
        raise error


@pytest.mark.parametrize("status", [57, 104, 163, 171, 183, 185, 212])
def test_a_server_that_cannot_answer_now_is_no_refusal(status: int) -> None:
    """The numbers are those of OpenPBS's pbs_error.h."""
    assert pbs_error("qsub", status, "qsub: Something is not well").transient


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (3, "qsub: Array job exceeds server or queue size limit"),
        (38, "qsub: would exceed complex's per-user limit"),
        (39, "qsub: would exceed queue workq's per-user limit on resource ncpus"),
        (188, "qsub: Job violates queue and/or server resource limits"),
    ],
)
def test_an_array_beyond_a_limit_may_pass_with_fewer_members(status: int, told: str) -> None:
    array = JobSpec("job.1.0", Path("/x"), ("true",), 1, 1, "hosts", array_size=3)
    error = pbs_error("qsub", status, told, array)
    assert isinstance(error, ArrayTooLarge)
    assert f"no array of 3 members now: {told} ({status})" in error.detail
    assert not isinstance(pbs_error("qsub", status, told, replace(array, array_size=1)), ArrayTooLarge)
    assert not isinstance(pbs_error("qsub", 170, "qsub: Unknown queue", array), ArrayTooLarge)


@pytest.mark.parametrize(
    ("name", "free"),
    [("all_free", 8), ("down", 3), ("offline", 4), ("mom_back", 7), ("after_server_restart", 2)],
)
def test_nodes_that_are_down_have_nothing_free(name: str, free: int) -> None:
    found = records.pbs_nodes(records.parse_answer(answer(f"pbsnodes_json_{name}").stdout))
    assert sum(node.free_cpus for node in found) == free
    assert len(found) == 2


def test_a_record_that_lacks_all_is_an_unknown_layout() -> None:
    for text in (b"[]", b'{"Jobs": {"1.x": {}}}', b'{"Jobs": []}', b"", b"\xff"):
        with pytest.raises(records.UNKNOWN_LAYOUT):
            records.pbs_jobs(records.parse_answer(text))


def test_the_batch_script_s_own_refusal_to_start_is_no_end_of_the_run(tmp_path: Path) -> None:
    """A copy that exits with ALREADY_STARTED is not the run: the start names the other one."""
    write_start(tmp_path, "34")
    copy = records.PbsJob("35.pbs1", "job.1", "user", "F", exit_status=batch_script.ALREADY_STARTED)
    run = records.PbsJob("34.pbs1", "job.1", "user", "R")
    job = SubmittedJob("job.1", "35.pbs1", tmp_path, datetime.now(UTC))
    assert record_of_run(job, [copy, run]) is run
    assert record_of_run(job, [copy]) is None
