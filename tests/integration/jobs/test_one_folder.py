"""Runs from before control and output were apart: their files lie in one folder, and they end right."""

from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine, update

from gateway.clusters.configuration import configured_clusters
from gateway.clusters.owner_roots import owner_roots
from gateway.db import due_in, session_scope
from gateway.jobs import submissions, watch
from gateway.jobs.folders import JobFolders, control_folder, in_one_folder, output_folder
from gateway.jobs.logs import LogRange
from gateway.jobs.run_folders import open_run
from gateway.jobs.spec import PreparedJob, prepare
from gateway.jobs.watched_rows import WatchedJobs
from gateway.models import Job
from gateway.operations.retries import retry
from gateway.schedulers.attempt_record import read_start
from gateway.schedulers.base import JobReport, SubmittedJob
from gateway.schedulers.slurm.recovery import recover_report
from gateway.states import JobState
from gateway.work import claims
from migrations import downgrade, upgrade
from tests import running_jobs
from tests.polling import until
from tests.rows import job, new_job
from workers.tasks import control
from workers.tasks.retention import prune_job

pytestmark = pytest.mark.usefixtures("database")


def _old_job(**values: object) -> UUID:
    """Return a job as the migration finds it."""
    row_id = new_job("fft", num_mpi_procs=1)
    _set(row_id, control_root="", **values)
    return row_id


def _set(row_id: UUID, **values: object) -> None:
    with session_scope() as session:
        session.execute(update(Job).where(Job.id == row_id).values(**values))


def _submit_as_before(row_id: UUID, *, record: bool = True) -> Job:
    """Submit the job as a worker of the version before did, which may have died before its record."""
    with session_scope() as session:
        claim = claims.take_submission(session, row_id, "old")
    assert claim is not None
    spec = _write_as_before(row_id)
    scheduler_id = running_jobs.scheduler().submit(spec.spec)
    if record:
        with session_scope() as session:
            submissions.record_submissions(session, {claim: scheduler_id})
    else:
        _set(row_id, lease_until=due_in(-1))
    return job(row_id)


def _write_as_before(row_id: UUID) -> PreparedJob:
    row, cluster = job(row_id), configured_clusters()["hpc"]
    prepared = prepare(row, cluster, JobFolders.of(row.params, owner_roots(cluster, row.owner)))
    folder = Path(prepared.job_file.parent)
    folder.mkdir(parents=True)
    Path(prepared.job_file).write_text(prepared.job_json)
    return prepared


def _is_pruned(home: Path, row: Job) -> bool:
    _set(row.id, prune_requested_at=due_in(-1))
    prune_job.apply(args=[str(row.id)], throw=True)
    return not (list((home / running_jobs.OUTPUT).iterdir()) or list((home / ".hpc-gateway").glob("jobs/*")))


def test_the_migration_marks_the_runs_from_before(database: Engine) -> None:
    row_id = new_job("fft")
    assert job(row_id).control_root
    downgrade(database, "kept_credentials")
    upgrade(database)
    assert in_one_folder(job(row_id))


def test_a_submitted_run_ends_in_its_one_folder(home: Path) -> None:
    row = _submit_as_before(_old_job())
    assert control_folder(row) == output_folder(row)
    row = running_jobs.finish(row.id)
    assert running_jobs.succeeded_with_output(home, row), row.reason
    assert row.usage is not None
    assert (row.usage["memory_peak_bytes"], row.usage["wall_s"] is not None) == (7, True)
    folder = open_run(row, configured_clusters()["hpc"]).control
    assert control.read(folder, LogRange("stdout", 0, None)).text == "done\n"
    assert _is_pruned(home, row)


def test_a_run_that_the_queue_has_dropped_is_read_from_its_one_folder(home: Path) -> None:
    row = _submit_as_before(_old_job())
    until("the script has ended", (running_jobs.output_of(home, row) / "exit.json").exists)
    for entry in (home / ".hpc-gateway/spool/jobs").iterdir():
        entry.unlink()
    assert running_jobs.succeeded_with_output(home, running_jobs.finish(row.id))


def test_a_run_that_slurm_has_forgotten_is_read_from_its_one_folder(home: Path) -> None:
    row = _submit_as_before(_old_job())
    until("the script has ended", (running_jobs.output_of(home, row) / "exit.json").exists)

    class Forgetful:
        def jobs(self) -> dict[str, object]:
            return {}

        def recall(self, asked: list[SubmittedJob]) -> dict[str, JobReport | None]:
            return {each.name: recover_report(each.name, each.folder) for each in asked}

    watched = WatchedJobs("hpc")
    with session_scope(read_only=True) as session:
        watched.refresh(session)
    reports = watch.poll_scheduler(Forgetful(), watched)  # type: ignore[arg-type]  # two calls of the protocol
    assert reports[row.name].state is JobState.SUCCEEDED


def test_a_run_whose_worker_died_after_the_submission_is_adopted(home: Path) -> None:
    row = _submit_as_before(_old_job(), record=False)
    assert row.state is JobState.SUBMITTING
    row = running_jobs.submit(row.id)
    assert (row.state, row.run, row.output_identity) == (JobState.PENDING, 1, None)
    assert running_jobs.succeeded_with_output(home, running_jobs.finish(row.id))


def test_a_run_whose_worker_died_before_the_submission_is_left_for_the_next(home: Path) -> None:
    row_id = _old_job()
    with session_scope() as session:
        assert claims.take_submission(session, row_id, "old") is not None
    _write_as_before(row_id)
    old = running_jobs.output_of(home, job(row_id))
    _set(row_id, lease_until=due_in(-1))
    row = running_jobs.submit(row_id)
    assert (row.run, row.control_root) == (2, str(home / ".hpc-gateway"))
    start = read_start(old)
    assert start is not None
    assert start.abandoned  # a submission that comes late runs nothing
    row = running_jobs.finish(row.id)
    assert running_jobs.succeeded_with_output(home, row), row.reason
    assert _is_pruned(home, row)


def test_a_run_of_an_old_worker_beside_a_new_api_has_one_folder(home: Path) -> None:
    """Parts of both versions work beside each other while an installation is upgraded."""
    row_id = _old_job()
    row = _submit_as_before(row_id)
    _set(row_id, control_root=str(home / ".hpc-gateway"))
    assert control_folder(job(row_id)) == output_folder(row)
    assert running_jobs.succeeded_with_output(home, running_jobs.finish(row_id))


def test_the_retry_of_an_old_run_has_two_folders(home: Path) -> None:
    marker = home / running_jobs.DATA / "fail"
    marker.touch()
    row = running_jobs.finish(_submit_as_before(_old_job()).id)
    assert row.state is JobState.FAILED
    marker.unlink()
    with session_scope() as session:
        retry(session, session.get_one(Job, row.id), actor="ada")
    row = running_jobs.finish(running_jobs.submit(row.id).id)
    assert running_jobs.succeeded_with_output(home, row), row.reason
    assert (running_jobs.control_of(home, row) / "exit.json").is_file()
    assert _is_pruned(home, row)


def test_a_claim_that_died_before_its_record_takes_the_next_number(home: Path) -> None:
    """The new version's own window: the folders are there, and the row does not know them."""
    row_id = new_job("fft", num_mpi_procs=1)
    with session_scope() as session:
        assert claims.take_submission(session, row_id, "w1") is not None
    row = job(row_id)
    for folder in (running_jobs.control_of(home, row), running_jobs.output_of(home, row)):
        folder.mkdir(parents=True)
    (running_jobs.output_of(home, row) / "started.json").write_text("{}")  # and it is not believed
    _set(row_id, lease_until=due_in(-1))
    row = running_jobs.finish(running_jobs.submit(row_id).id)
    assert row.run == 2
    assert running_jobs.succeeded_with_output(home, row), row.reason


def test_a_later_claim_goes_on_with_the_folders_on_record(home: Path) -> None:
    row_id = new_job("fft", num_mpi_procs=1)
    row = running_jobs.submit(row_id)
    _set(row_id, state=JobState.SUBMITTING, lease_until=due_in(-1))
    for entry in (home / ".hpc-gateway/spool/jobs").iterdir():
        entry.unlink()
    for file in running_jobs.control_of(home, row).iterdir():
        file.unlink()
    again = running_jobs.submit(row_id)
    assert (again.run, again.output_identity) == (1, row.output_identity)


def test_a_later_claim_leaves_a_folder_that_was_put_in_the_place(home: Path) -> None:
    row_id = new_job("fft", num_mpi_procs=1)
    row = running_jobs.submit(row_id)
    until("the script has ended", (running_jobs.control_of(home, row) / "exit.json").exists)
    output = running_jobs.output_of(home, row)
    output.rename(output.with_name("moved"))
    output.mkdir()
    for file in running_jobs.control_of(home, row).iterdir():
        file.unlink()
    for entry in (home / ".hpc-gateway/spool/jobs").iterdir():
        entry.unlink()
    _set(row_id, state=JobState.SUBMITTING, lease_until=due_in(-1))
    again = running_jobs.submit(row_id)
    assert again.run == 2
    assert again.output_identity != row.output_identity
    start = read_start(running_jobs.control_of(home, row))
    assert start is not None
    assert start.abandoned
    assert list(output.iterdir()) == []
