"""Sweeps on the local scheduler: each member runs once, in its own folders, and the job ends with them."""

import json
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import pytest

from gateway.db import session_scope
from gateway.errors import FilesystemError, Invalid, TooMany
from gateway.jobs import lifecycle as jobs
from gateway.jobs import members
from gateway.jobs.member_params import MOST_MEMBERS, merge_params
from gateway.models import Job, JobMember
from gateway.operations import retries
from gateway.schedulers.attempt_record import read_exit
from gateway.schedulers.base import Accounting, SubmittedJob
from gateway.settings import get_settings
from gateway.states import JobState
from gateway.work import quotas
from tests.polling import until
from tests.rows import job, members_of, new_job, new_sweep
from tests.running_jobs import OUTPUT, finish, scheduler, submit, watch_once
from workers.tasks import jobs as tasks

pytestmark = pytest.mark.usefixtures("database")


DATA = "serrano/data/Output_Data"  # where the kernel looks, from the folder of a member


def strides(number: int) -> list[dict[str, object]]:
    return [{"perforation_stride": k} for k in range(1, number + 1)]


def control(home: Path, row: Job, member: JobMember) -> Path:
    return home / ".hpc-gateway/jobs" / f"{row.id}.{member.run}" / str(member.array) / str(member.place)


def _touch(home: Path, name: str) -> None:
    (home / DATA).mkdir()
    (home / DATA / name).touch()


def retry(row_id: UUID) -> None:
    with session_scope() as session:
        retries.retry_one(session, row_id, "someone", "")


def test_each_member_has_its_folders_outputs_and_usage_and_publishes_nothing(home: Path) -> None:
    row_id = new_sweep(*strides(3))
    row = submit(row_id)
    assert (row.state, row.member_count, row.members_left) == (JobState.PENDING, 3, 3)
    row = finish(row_id)
    assert (row.state, row.reason, row.exit_code, row.outputs) == (JobState.SUCCEEDED, "", 0, [])
    assert row.members_left == 0
    assert row.usage is not None
    assert row.usage["cpu_s"] == 1.5
    for member in members_of(row_id):
        folder = f"{OUTPUT}/{row.name}/{member.number:04d}"
        assert [each["path"] for each in member.outputs] == [f"{folder}/CSVFormate/FFT_Filter_output.csv"]
        assert member.state is JobState.SUCCEEDED
        assert member.usage is not None
        told = json.loads((control(home, row, member) / "job.json").read_text())
        assert told["perforation_stride"] == member.params["perforation_stride"]
        assert (told["publish_dir"], told["name"]) == (None, f"{row.name}.{member.number:04d}")
        assert read_exit(control(home, row, member)) is not None
    assert not (home / "serrano/data/Output_Data/CSVFormate").exists()


def test_something_in_the_place_of_the_table_costs_the_table_alone(home: Path) -> None:
    row = submit(new_sweep(*strides(2)))
    (home / OUTPUT / row.name / "members.csv").mkdir()
    row = finish(row.id)
    assert (row.state, {member.state for member in members_of(row.id)}) == (
        JobState.SUCCEEDED,
        {JobState.SUCCEEDED},
    )
    assert len(row.warnings) == 1
    assert row.warnings[0].startswith("the table of all members is missing: ")


def test_the_paths_of_each_member_are_judged_without_links(home: Path, tmp_path: Path) -> None:
    """A link leads further than the text of a member's path tells."""
    (tmp_path / "elsewhere").mkdir()
    (home / "serrano/theirs").symlink_to(tmp_path / "elsewhere")
    mine, theirs = ({"profiling_workspace": f"/{name}"} for name in ("mine", "theirs"))
    row_id = new_sweep(mine, mine, theirs, benchmark_state=1)
    with pytest.raises(FilesystemError, match="theirs leads through a symbolic link out of"):
        submit(row_id)
    assert (job(row_id).state, job(row_id).submitted_at) == (JobState.FAILED, None)
    assert submit(new_sweep(mine, mine, benchmark_state=1)).state is JobState.PENDING


def test_the_accounting_is_asked_once_for_all_members_of_an_array(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row_id, asked = new_sweep(*strides(3)), list[SubmittedJob]()
    submit(row_id)

    def accounting(array: SubmittedJob) -> dict[str, Accounting]:
        asked.append(array)
        return {f"{array.name}[{k}]": Accounting(10.0 * k, 1.0 * k, 100 * k) for k in (1, 2)}

    monkeypatch.setattr(tasks, "open_scheduler", lambda _: SimpleNamespace(accounting=accounting))
    row = finish(row_id)
    assert [(array.name, array.scheduler_id) for array in asked] == [(f"{row_id}.1.0", "1")]
    found = [(member.usage or {})["accounting"] for member in members_of(row_id)]
    assert found[:2] == [
        {"elapsed_s": 10.0 * k, "cpu_s": 1.0 * k, "resident_memory_bytes": 100 * k} for k in (1, 2)
    ]
    assert found[2] is None
    assert (row.usage or {})["accounting"] == {"elapsed_s": 30.0, "cpu_s": 3.0, "resident_memory_bytes": 200}


def test_a_retry_runs_the_failed_members_alone_and_keeps_the_others(home: Path) -> None:
    """Of the retry two members are left, then one: a plain job, whose folder is found without an index."""
    _touch(home, "fail")
    row_id = new_sweep(*strides(3))
    submit(row_id)
    row = finish(row_id)
    assert (row.state, row.exit_code) == (JobState.FAILED, 1)
    assert row.reason.startswith("3 of 3 members did not succeed (3 failed); member 0000: ")
    (home / DATA / "fail").unlink()
    with session_scope() as session:
        first = session.get_one(JobMember, (row_id, 0))
        first.state, first.outputs = JobState.SUCCEEDED, [{"service": "fft", "path": "x.csv"}]
    retry(row_id)
    assert job(row_id).members_left == 2
    submit(row_id)
    row = finish(row_id)
    assert (row.state, row.attempt, row.run) == (JobState.SUCCEEDED, 2, 2)
    assert [(m.run, m.state, len(m.outputs)) for m in members_of(row_id)] == [
        (1, JobState.SUCCEEDED, 1),
        (2, JobState.SUCCEEDED, 1),
        (2, JobState.SUCCEEDED, 1),
    ]
    with session_scope() as session:
        session.get_one(JobMember, (row_id, 2)).state = JobState.FAILED
        session.get_one(Job, row_id).state = JobState.FAILED
    retry(row_id)
    submit(row_id)
    assert scheduler().jobs().keys() >= {f"{row_id}.3.0"}
    assert finish(row_id).state is JobState.SUCCEEDED
    assert members_of(row_id)[2].outputs[0]["path"].startswith(f"{OUTPUT}/{row_id}.3/0002/")


def test_members_fail_alone(home: Path) -> None:
    """One has no output folder to write to: it fails with the reason, and the others succeed."""
    row_id = new_sweep(*strides(4))
    submit(row_id)
    until("all have ended", lambda: all(each.ended_at for each in scheduler().jobs().values()))
    row, broken = job(row_id), members_of(row_id)[1]
    (home / OUTPUT / row.name / "0001/outputs.json").write_text("[")
    row = finish(row_id)
    assert [m.state for m in members_of(row_id)].count(JobState.SUCCEEDED) == 3
    failed = members_of(row_id)[1]
    assert failed.state is JobState.FAILED
    assert "outputs" in failed.reason
    assert row.state is JobState.FAILED
    assert "1 of 4 members did not succeed" in row.reason
    assert (control(home, row, broken) / "started.json").exists()


def test_a_cancel_ends_all_members_by_one_call(home: Path) -> None:
    _touch(home, "hold")
    row_id = new_sweep(*strides(3))
    submit(row_id)
    until("they run", lambda: _runs(row_id))
    with session_scope() as session:
        jobs.cancel(session, session.get_one(Job, row_id))
    row = finish(row_id)
    assert (row.state, row.reason) == (JobState.CANCELLED, "cancelled on request")
    assert {m.state for m in members_of(row_id)} == {JobState.CANCELLED}


def _runs(row_id: UUID) -> bool:
    watch_once()
    return job(row_id).state is JobState.RUNNING


def test_a_cancel_before_the_submission_ends_the_members_with_their_job(home: Path) -> None:
    row_id = new_sweep(*strides(2))
    with session_scope() as session:
        jobs.cancel(session, session.get_one(Job, row_id))
    row = job(row_id)
    assert (row.state, row.members_left) == (JobState.CANCELLED, 0)
    ended = {(m.state, m.reason, m.ended_at == row.ended_at) for m in members_of(row_id)}
    assert ended == {(JobState.CANCELLED, "cancelled on request", True)}
    assert submit(row_id).state is JobState.CANCELLED
    assert scheduler().jobs() == {}


def test_the_job_tells_how_many_members_have_ended(home: Path) -> None:
    _touch(home, "hold")
    row_id = new_sweep(*strides(2))
    submit(row_id)
    until("they run", lambda: _runs(row_id))
    assert job(row_id).reason == "0 of 2 members have ended and 2 run"
    with session_scope() as session:
        jobs.cancel(session, session.get_one(Job, row_id))
    finish(row_id)


def test_parameters_are_merged_deeply_and_understood_as_a_job_s() -> None:
    assert merge_params({"fft": {"a": 1, "b": 2}, "x": 1}, {"fft": {"b": 3}}) == {
        "fft": {"a": 1, "b": 3},
        "x": 1,
    }
    row_id = new_sweep({}, {"csv_output": 0, "num_thread": None}, csv_output=1)
    assert [m.changes for m in members_of(row_id)] == [{}, {"csv_output": 0, "output_format": "npy"}]
    assert [m.params for m in members_of(row_id)] == [{}, {"csv_output": 0, "num_thread": None}]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"fft": {"nothing": 1}}, "1.fft.nothing"),
        ({"perforation_stride": 0}, "1.perforation_stride"),
        ({"num_mpi_procs": 3}, "1.num_mpi_procs"),
        ({"workspace": "/other"}, "1.workspace"),
        ({"read_input_data": "/y.csv"}, "1.read_input_data"),
        ({"profiling_workspace": "/../../../etc"}, "1.profiling_workspace"),
    ],
)
def test_a_member_that_cannot_be_honoured_is_named(given: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as found:
        new_sweep({}, given)
    assert found.value.field == field


@pytest.mark.parametrize("number", [0, MOST_MEMBERS + 1])
def test_a_sweep_has_one_to_a_thousand_members(number: int) -> None:
    with pytest.raises(Invalid, match="1 to 1,000 members are needed"):
        new_sweep(*[{}] * number)


def test_members_count_each_in_quotas(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setattr(get_settings(), "concurrent_jobs", 5)
    row_id = new_sweep(*strides(4))
    assert new_job("fft")
    with pytest.raises(TooMany, match="you have 5 unfinished jobs already"):
        new_job("fft")
    with session_scope() as session:
        row = session.get_one(Job, row_id)
        row.members_left = 2
        session.flush()
        cluster = jobs.draft(session, "local", _request()).cluster
        quotas.admit(session, "local", cluster, Job, 2)
        with pytest.raises(TooMany, match="3 unfinished jobs of 5 that are allowed, and this has 3 members"):
            quotas.admit(session, "local", cluster, Job, 3)


def _request() -> jobs.JobRequest:
    return jobs.JobRequest(["fft"], "hpc", {"read_input_data": "/x.csv"})


def test_pages_come_in_the_order_of_the_numbers() -> None:
    row_id = new_sweep(*strides(5))
    with session_scope() as session:
        page, cursor = members.list_page(session, row_id, None, 2)
        assert [m.number for m in page] == [0, 1]
        page, cursor = members.list_page(session, row_id, cursor, 3)
        assert ([m.number for m in page], cursor) == ([2, 3, 4], None)
        for bad in ("x", "-1", "99999", "²"):
            with pytest.raises(Invalid, match="no cursor"):
                members.list_page(session, row_id, bad, 3)
