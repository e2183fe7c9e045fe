"""The PBS scheduler on recorded answers: looks, losses, cancels and figures."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.command_runners.base import CommandResult, CommandsUnavailable
from gateway.errors import SchedulerError, SchedulerUnavailable
from gateway.schedulers.base import JobSpec, Resources, SubmittedJob
from gateway.schedulers.pbs import records
from gateway.schedulers.pbs import scheduler as module
from gateway.schedulers.pbs.commands import PbsCommands
from gateway.schedulers.pbs.scheduler import PbsScheduler
from gateway.states import JobState
from tests.pbs.replay import PATH, Replay, answer
from tests.unit.schedulers.pbs_recordings import (
    LISTING,
    NO_HISTORY,
    lines,
    record,
    scheduler,
)
from tests.unit.schedulers.slurm_records import write_exit, write_start


def test_the_broken_byte_of_one_user_ends_no_round() -> None:
    one, _ = scheduler({LISTING: "qstat_f_json_all_one_bad_byte"})
    with pytest.raises(UnicodeDecodeError):
        answer("qstat_f_json_all_one_bad_byte").stdout.decode()
    assert one.jobs()


def test_a_broken_document_is_read_by_lines_of_own_jobs(caplog: pytest.LogCaptureFixture) -> None:
    one, replay = scheduler(
        {
            LISTING: CommandResult(0, b'{"Jobs": {"1.x": {"Job_Name": "a"b"}}}', b""),
            "qselect -u user": CommandResult(0, b"51.pbs1\n", b""),
            "qstat -f -F dsv 51.pbs1": "qstat_f_dsv_running",
        }
    )
    assert one.jobs().keys() == {"running"}
    assert "read by lines" in caplog.text
    assert replay.commands[-1] == "qstat -f -F dsv 51.pbs1"


@pytest.mark.parametrize("name", ["qstat_f_json_no_jobs"])
def test_no_jobs_at_all(name: str) -> None:
    one, _ = scheduler({LISTING: name})
    assert one.jobs() == {}


def test_another_users_jobs_are_not_reported() -> None:
    one, _ = scheduler({LISTING: "qstat_f_json_all_mixed"})
    owners = {
        job.owner for job in records.pbs_jobs(records.parse_answer(answer("qstat_f_json_all_mixed").stdout))
    }
    assert "user" in owners
    names = {
        job.name
        for job in records.pbs_jobs(records.parse_answer(answer("qstat_f_json_all_mixed").stdout))
        if job.owner == "user"
    }
    assert one.jobs().keys() == names


@pytest.mark.parametrize(
    ("name", "command"),
    [("server_stopped_qstat", LISTING), ("server_unknown_host_qstat", LISTING)],
)
def test_a_stopped_server_is_no_empty_listing(name: str, command: str) -> None:
    one, _ = scheduler({command: name})
    with pytest.raises(SchedulerUnavailable, match="PBS does not answer: qstat: cannot connect"):
        one.jobs()


def test_a_frozen_server_is_a_time_out() -> None:
    class Frozen(Replay):
        def run(self, *_args: object, **_options: object) -> CommandResult:
            raise CommandsUnavailable("qstat did not answer within 60 s")

    with pytest.raises(SchedulerUnavailable, match="PBS does not answer: qstat did not answer"):
        PbsScheduler(PbsCommands(Frozen({}), PATH)).jobs()


def test_absence_from_an_answer_for_several_ids_is_not_gone(tmp_path: Path) -> None:
    """PBS names the id that it does not know; the third one is neither shown nor named."""
    folders = [tmp_path / name for name in ("a", "b", "c")]
    for folder in folders:
        folder.mkdir()
    ids = ("35.pbs1", "99999.pbs1", "77.pbs1")
    known = lines("qstat_f_json_finished_exit0")
    told = CommandResult(153, known.stdout, answer("qstat_two_ids_one_unknown_x_json").stderr)
    one, _ = scheduler({f"qstat -x -f -F dsv {' '.join(ids)}": told})
    names = (record("qstat_f_json_finished_exit0").name, "gone.1", "silent.1")
    jobs = [
        SubmittedJob(name, job_id, folder, datetime.now(UTC))
        for name, job_id, folder in zip(names, ids, folders, strict=True)
    ]
    found = one.recall(jobs)
    assert found.keys() == {names[0], "gone.1"}
    assert found["gone.1"] is None


def test_a_server_without_history_is_asked_without_it(tmp_path: Path) -> None:
    """`qstat -x` would show not even a running job, and exit with 0."""
    job = SubmittedJob("job.1", "2245.pbs1", tmp_path, datetime.now(UTC))
    one, replay = scheduler(NO_HISTORY | {"qstat -f -F dsv 2245.pbs1": "history_off_qstat_finished"})
    write_start(tmp_path, "2245")
    write_exit(tmp_path, 4)
    found = one.recall([job])["job.1"]
    assert found is not None
    assert (found.state, found.exit_code) == (JobState.FAILED, 4)
    assert not one.keeps_history()
    assert all(" -x " not in command for command in replay.commands)


def test_a_loss_has_to_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = SubmittedJob("job.1", "2245.pbs1", tmp_path, datetime.now(UTC))
    one, _ = scheduler(NO_HISTORY | {"qstat -f -F dsv 2245.pbs1": "history_off_qstat_finished"})
    write_start(tmp_path, "2245")
    assert one.recall([job]) == {}
    monkeypatch.setattr(module, "SETTLES_S", 0.0)
    found = one.recall([job])["job.1"]
    assert found is not None
    assert found.state is JobState.LOST


def test_a_status_above_128_that_reads_as_a_signal_behind_a_shell_is_the_same(tmp_path: Path) -> None:
    told = answer("history_off_qstat_finished")
    shell = CommandResult(128 - told.returncode, told.stdout, told.stderr)
    one, _ = scheduler({"qstat -x -f -F dsv 2245.pbs1": shell})
    job = SubmittedJob("job.1", "2245.pbs1", tmp_path, datetime.now(UTC))
    assert one.recall([job]) == {"job.1": None}


def test_one_id_for_each_qdel_and_only_with_the_right_name() -> None:
    listed = lines("qstat_f_json_running_some_seconds")
    one, replay = scheduler(
        {
            "qstat -f -F dsv 52.pbs1": listed,
            "qdel 52.pbs1": "qdel_running",
            "qstat -f -F dsv 99999.pbs1": CommandResult(153, b"", b"qstat: Unknown Job Id 99999.pbs1\n"),
        }
    )
    name = record("qstat_f_json_running_some_seconds").name
    one.cancel("another.1", "52.pbs1")
    one.cancel(name, "99999.pbs1")
    assert not any(command.startswith("qdel") for command in replay.commands)
    one.cancel(name, "52.pbs1")
    assert replay.commands[-1] == "qdel 52.pbs1"


@pytest.mark.parametrize("name", ["qdel_finished", "qdel_unknown", "qdel_queued_twice"])
def test_a_job_that_ends_meanwhile_is_no_error(name: str) -> None:
    commands = PbsCommands(Replay({"qdel 1.pbs1": name}), PATH)
    commands.delete("1.pbs1")


def test_a_foreign_job_is_not_deleted() -> None:
    commands = PbsCommands(Replay({"qdel 71": "qdel_other_users_job"}), PATH)
    with pytest.raises(SchedulerError, match="Unauthorized Request"):
        commands.delete("71")


def test_a_run_is_found_by_its_exact_name_also_when_it_has_ended(tmp_path: Path) -> None:
    name = record("qstat_f_json_longname").name
    one, _ = scheduler(
        {
            f"qselect -N {name}": CommandResult(0, b"", b""),
            f"qselect -x -N {name}": CommandResult(0, b"23.pbs1\n", b""),
            "qstat -x -f -F dsv 23.pbs1": lines("qstat_f_json_longname"),
        }
    )
    found = one.find(SubmittedJob(name, "", tmp_path, datetime.now(UTC)))
    assert found is not None
    assert (found.name, found.scheduler_id) == (name, "23.pbs1")


def foreign(name: str) -> CommandResult:
    """Return a recorded job with another owner."""
    told = lines(name)
    return CommandResult(told.returncode, told.stdout.replace(b"Job_Owner=user@", b"Job_Owner=other@"), b"")


def test_a_job_of_another_account_with_the_same_name_is_never_the_run(tmp_path: Path) -> None:
    name = record("qstat_f_json_longname").name
    one, _ = scheduler(
        {
            f"qselect -N {name}": CommandResult(0, b"23.pbs1\n", b""),
            f"qselect -x -N {name}": CommandResult(0, b"23.pbs1\n", b""),
            "qstat -x -f -F dsv 23.pbs1": foreign("qstat_f_json_longname"),
        }
    )
    assert one.find(SubmittedJob(name, "", tmp_path, datetime.now(UTC))) is None


def test_an_id_that_belongs_to_another_account_now_is_gone_and_not_deleted(tmp_path: Path) -> None:
    told = foreign("qstat_f_json_running_some_seconds")
    job = record("qstat_f_json_running_some_seconds")
    one, replay = scheduler({f"qstat -x -f -F dsv {job.id}": told, f"qstat -f -F dsv {job.id}": told})
    assert one.recall([SubmittedJob(job.name, job.id, tmp_path, datetime.now(UTC))]) == {job.name: None}
    one.cancel(job.name, job.id)
    assert not any(command.startswith("qdel") for command in replay.commands)


def test_the_figures_of_the_queues() -> None:
    one, _ = scheduler(
        {"qstat -Q -f -F json": "qstat_Q_f_json", "pbsnodes -a -F json": "pbsnodes_json_job_busy"}
    )
    figures = {queue.name: queue for queue in one.partitions()}
    assert figures.keys() == {"workq", "short", "closed", "paused"}
    workq = figures["workq"]
    assert (workq.total_nodes, workq.avail_nodes, workq.total_cpus, workq.avail_cpus) == (2, 1, 8, 2)
    assert (workq.running_jobs, workq.queued_jobs) == (0, 1)
    assert (figures["closed"].avail_cpus, figures["paused"].avail_cpus) == (0, 0)


def test_members_of_an_array_have_their_own_names_ids_and_folders(tmp_path: Path) -> None:
    found = records.pbs_jobs(records.parse_answer(answer("qstat_f_json_finished_array").stdout))
    assert [(job.name, job.id, job.number, job.is_array) for job in found] == [
        ("arr", "50[].pbs1", "50", True),
        ("arr[1]", "50[1].pbs1", "50_1", False),
        ("arr[2]", "50[2].pbs1", "50_2", False),
        ("arr[3]", "50[3].pbs1", "50_3", False),
    ]
    member = SubmittedJob("arr[2]", "50[].pbs1_2", tmp_path, datetime.now(UTC))
    one, replay = scheduler({"qstat -x -f -F dsv 50[2].pbs1": lines("qstat_f_json_finished_array")})
    report = one.recall([member])["arr[2]"]
    assert report is not None
    assert (report.scheduler_id, report.exit_code) == ("50[2].pbs1", 2)
    assert "qstat -x -f -F dsv 50[2].pbs1" in replay.commands


def test_members_in_a_broken_document_are_read_by_lines(caplog: pytest.LogCaptureFixture) -> None:
    """One array of the account must not end the look at all its jobs."""
    array = "qstat_f_json_array_running"
    one, replay = scheduler(
        {
            LISTING: "qstat_f_json_array_parent_running",
            "qstat -f -t -F json 50[].pbs1": CommandResult(0, b'{"Jobs": {"50[].pbs1": {"a": }}', b""),
            "qstat -f -t -F dsv 50[].pbs1": lines(array),
        }
    )
    names = {job.name for job in records.pbs_jobs(records.parse_answer(answer(array).stdout))}
    assert one.jobs().keys() == names
    assert replay.commands[-1].endswith("dsv 50[].pbs1")
    assert "the members of 50[].pbs1 are read by lines" in caplog.text


@pytest.mark.parametrize("queue", ["workq@other.example.org", "@other.example.org", "a,b"])
def test_a_queue_is_one_of_the_server_itself(queue: str) -> None:
    """qsub would hand the script of the job to another server, which a client may not choose."""
    spec = JobSpec("job.1", Path("/c/job.1"), ("x",), 1, 1, "hosts", resources=Resources(partition=queue))
    one, replay = scheduler({})
    (error,) = one.submit_many([spec])
    assert isinstance(error, SchedulerError)
    assert not error.transient
    assert "PBS takes one queue of its own" in error.detail
    assert replay.commands == []


@pytest.mark.parametrize("status", [38, 39, 198])
@pytest.mark.parametrize(
    ("listing", "waits"), [("qstat_f_json_running_some_seconds", True), ("qstat_f_json_no_jobs", False)]
)
def test_a_limit_of_the_account_waits_for_other_jobs(status: int, listing: str, *, waits: bool) -> None:
    told = b"0 qsub: would exceed complex's per-user limit\n0 status %d\n" % status
    one, _ = scheduler({LISTING: listing, "qsub": CommandResult(0, told, b"")})
    (error,) = one.submit_many([JobSpec("job.1", Path("/c/job.1"), ("x",), 1, 1, "hosts")])
    assert isinstance(error, SchedulerError)
    assert error.transient is error.waits is waits
    assert "per-user limit" in error.detail
