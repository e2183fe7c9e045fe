"""A `control` that the operator has moved is no open folder while its jobs are under way."""

from pathlib import Path, PurePosixPath

import pytest
from sqlalchemy import Engine, event, update

from gateway.callers import LOCAL
from gateway.clusters.configuration import configured_clusters
from gateway.db import session_scope
from gateway.errors import FilesystemError, Invalid
from gateway.jobs import control_roots
from gateway.models import Job
from gateway.states import JobState
from tests.rows import new_job, new_transfer
from workers.client_files import open_client_files

OLD = "old control"


@pytest.fixture
def old(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the control folder of a job that is under way, which is not the configured one."""
    monkeypatch.setattr(control_roots, "LOOK_AGAIN_S", 0.0)
    row_id = new_job("fft")
    folder = home / OLD / "jobs" / f"{row_id}.1"
    folder.mkdir(parents=True)
    (folder / "job.sh").write_text("exit 0")
    with session_scope() as session:
        session.execute(update(Job).values(control_root=str(home / OLD), state=JobState.PENDING))
    return folder


def _spellings(old: Path) -> list[str]:
    places = [old, old / "job.sh", old / "exit.json", old.parent, old.parents[1], old.parents[1] / "new"]
    return [str(place) for place in places]


@pytest.mark.parametrize("kind", ["s3_data", "s3_result"])
def test_no_request_reaches_it(old: Path, kind: str) -> None:
    for path in _spellings(old):
        with pytest.raises(Invalid, match="control folder of jobs that are under way"):
            new_transfer(kind, path=path)
    for key in ("read_input_data", "inference_knn_path", "clustering_label_path"):
        with pytest.raises(Invalid, match="control folder of jobs"):
            new_job("knn", root_dir=str(old.parents[2]), workspace="/", **{key: f"/{OLD}/jobs/x"})


def test_a_worker_follows_no_link_into_it(old: Path, home: Path) -> None:
    (home / "link").symlink_to(old)
    files = open_client_files(configured_clusters()["hpc"], LOCAL.owner)
    for name in ("link/job.sh", f"{OLD}/jobs/{old.name}/job.sh"):
        with pytest.raises(FilesystemError), files.read(PurePosixPath(home / name)):
            pass
    (home / "link").unlink()
    omitted = list[str]()
    found = [name for name, _ in files.files(PurePosixPath(home), omitted.append)]
    assert not [name for name in found if "job.sh" in name]
    assert (old / "job.sh").read_text() == "exit 0"


def test_it_is_open_again_when_its_last_job_has_ended(old: Path) -> None:
    with session_scope() as session:
        session.execute(update(Job).values(state=JobState.FAILED))
    assert new_transfer(path=str(old.parents[1] / "mine"))


def test_transactions_share_one_look_at_the_database(home: Path, database: Engine) -> None:
    looks: list[str] = []

    def note(_c: object, _s: object, statement: str, *_: object) -> None:
        looks.append(statement)

    event.listen(database, "before_cursor_execute", note)
    for _ in range(3):
        with session_scope(read_only=True) as session:
            control_roots.control_roots_in_use(session)
    assert sum("control_root" in statement for statement in looks) == 1
