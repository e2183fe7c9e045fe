"""Walls: no door of a request reaches protected files or attempt folders, in any layout of the roots.

The doors are the destinations and sources of transfers, the children of prefixes, every path parameter of a
job, and links that lead from an owner's root. The API judges texts, and the worker what they lead to.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from gateway.callers import LOCAL
from gateway.db import session_scope
from gateway.models import Job, Transfer
from gateway.settings import get_settings
from gateway.states import JobState, TransferState
from gateway.work import transitions
from hpc_gateway_commands.demo.services import ObjectStore
from tests.identity import bearer, new_key, rows
from tests.rows import job, new_job, transfer
from tests.staging import OWNER
from tests.staging_rows import create_transfer
from tests.walls import (
    LAYOUTS,
    NAMED,
    RESULT_FILE,
    SECRET,
    SETTINGS,
    Layout,
    Place,
    attempts,
    configuration,
    lay_out,
    read_doors,
    spellings,
    write_doors,
)
from workers.tasks.jobs import submit
from workers.tasks.transfers import run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

pytestmark = [
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    pytest.mark.usefixtures("database"),
]
SHARED = [name for name, layout in LAYOUTS.items() if "{home}" in layout.roots]


@pytest.fixture(params=LAYOUTS)
def layout(request: pytest.FixtureRequest) -> Layout:
    return LAYOUTS[request.param]


@pytest.fixture
def place(
    settings: None, database: object, layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    (tmp_path / "infrastructures.toml").write_text(configuration(tmp_path, layout), encoding="utf-8")
    (tmp_path / "settings.env").write_bytes(SECRET)  # it has to be there when the settings are read
    for name, path in SETTINGS.items():
        monkeypatch.setenv(name, str(tmp_path / path))
    monkeypatch.setenv("GATEWAY_ALLOWED_ENDPOINTS", "127.0.0.1")
    monkeypatch.setenv("GATEWAY_AUTH", "none" if layout.owner == LOCAL.owner else "keys")
    get_settings.cache_clear()
    laid_out = lay_out(tmp_path, layout)
    yield laid_out
    assert laid_out.unchanged()
    assert (tmp_path / "gateway.db").read_bytes().startswith(b"SQLite format 3")


@pytest.fixture
def caller(api: TestClient, place: Place) -> dict[str, str]:
    """Return the headers of the owner's requests."""
    return {} if place.owner == LOCAL.owner else bearer(new_key(place.owner))


def _refused(api: TestClient, caller: dict[str, str], doors: Iterator[tuple[str, Any]]) -> None:
    for url, body in doors:
        answer = api.post(url, json=body, headers=caller)
        assert answer.status_code in (400, 404), (url, body, answer.text)


def test_the_api_refuses_protected_paths_at_every_door(
    api: TestClient, place: Place, caller: dict[str, str]
) -> None:
    before = rows()
    for name in NAMED:
        path = str(place.home / name)
        _refused(api, caller, write_doors(place, path))
        _refused(api, caller, read_doors(place, path))
    assert rows() == before


def test_the_api_refuses_attempt_folders_at_every_door(
    api: TestClient, place: Place, caller: dict[str, str]
) -> None:
    before = rows()
    for row_id in (place.foreign, place.own, uuid4()):
        folder = attempts(place.own if row_id not in (place.foreign, place.own) else row_id)
        for path in (f"{row_id}.1/{RESULT_FILE}", f"{row_id}.2/hpc_kernels/__main__.py", "x", f"{row_id}.9"):
            _refused(api, caller, write_doors(place, str(folder / path)))
    _refused(
        api, caller, read_doors(place, str(attempts(place.foreign) / f"{place.foreign}.1/{RESULT_FILE}"))
    )
    assert rows() == before


def test_the_api_refuses_every_spelling(api: TestClient, place: Place, caller: dict[str, str]) -> None:
    before = rows()
    own = attempts(place.own) / f"{place.own}.2/x"
    for path in (place.home / "control/jobs/1/job.sh", place.home / ".ssh/authorized_keys", own):
        for text in spellings(place, path):
            _refused(api, caller, (door for door in write_doors(place, text) if door[0] != "/job"))
    assert rows() == before


def _work(row_id: UUID) -> Transfer:
    """Run the row, and the children that it gets."""
    run.apply(args=[str(row_id)])
    with session_scope(read_only=True) as session:
        children = session.scalars(select(Transfer.id).where(Transfer.parent_id == row_id)).all()
    for child in children:
        run.apply(args=[str(child)])
    return transfer(row_id)


def _moved(place: Place, store: ObjectStore, kind: str, path: str, key: str) -> Transfer:
    """Run a transfer of this path as if it came from a time when the API refused no text."""
    row_id = create_transfer(place.owner, store.url, kind, path="serrano/data/x", key=key)
    with session_scope() as session:
        session.get_one(Transfer, row_id).path = path
    return _work(row_id)


def _linked(place: Place, path: Path, number: int) -> list[str]:
    """Make links from the root to the folder of a path and to the path, and return the ways to it."""
    (place.root / f"to{number}").symlink_to(path.parent)
    (place.root / f"file{number}").symlink_to(path)
    return [str(path), f"to{number}/{path.name}", f"file{number}"]


def _uploads(s3: "S3Client", prefix: str) -> list[bytes]:
    found = s3.list_objects_v2(Bucket="data", Prefix=prefix).get("Contents", [])
    return [s3.get_object(Bucket="data", Key=each["Key"])["Body"].read() for each in found]


def test_the_worker_reads_no_protected_file(place: Place, store: ObjectStore, s3: "S3Client") -> None:
    prefix = uuid4().hex
    for number, path in enumerate(place.foreign_targets):
        for way in _linked(place, path, number):
            for key in (f"{prefix}/x", f"{prefix}/x/"):
                row = _moved(place, store, "s3_result", way, key)
                assert row.state is TransferState.FAILED, (way, row.path)
    assert _uploads(s3, prefix) == []


def test_the_worker_writes_no_protected_file(place: Place, store: ObjectStore, s3: "S3Client") -> None:
    prefix = f"{uuid4().hex}/"
    s3.put_object(Bucket="data", Key=f"{prefix}new", Body=b"bad")
    for number, path in enumerate(place.targets):
        for way in _linked(place, path, number):
            if way.startswith("file"):
                continue  # the link itself is replaced
            row = _moved(place, store, "s3_data", way, f"{prefix}new")
            assert row.state is TransferState.FAILED, way
            assert _moved(place, store, "s3_data", way, prefix).state is not TransferState.COMPLETED, way


def test_the_children_of_a_prefix_are_judged(place: Place, store: ObjectStore, s3: "S3Client") -> None:
    for number, path in enumerate(place.targets):
        _linked(place, path, number)
        for name in (os.path.relpath(path, place.root), f"to{number}/{path.name}"):
            if name.startswith(".."):
                continue
            prefix = f"{uuid4().hex}/"
            s3.put_object(Bucket="data", Key=f"{prefix}{name}", Body=b"bad")
            row = _work(create_transfer(place.owner, store.url, "s3_data", path=str(place.root), key=prefix))
            with session_scope(read_only=True) as session:
                states = session.scalars(select(Transfer.state).where(Transfer.parent_id == row.id)).all()
            assert TransferState.COMPLETED not in {row.state, *states}, name
            assert place.unchanged(), name


def test_a_prefix_leaves_out_the_files_out_of_reach(place: Place, store: ObjectStore, s3: "S3Client") -> None:
    (place.root / "serrano/data").mkdir(parents=True, exist_ok=True)
    (place.root / "serrano/data/mine.csv").write_bytes(b"mine")
    prefix = f"{uuid4().hex}/"
    row = _work(create_transfer(place.owner, store.url, "s3_result", path=str(place.root), key=prefix))
    listed = s3.list_objects_v2(Bucket="data", Prefix=prefix)["Contents"]
    names = [each["Key"].removeprefix(prefix) for each in listed]
    results = [os.path.relpath(attempts(place.own) / f"{place.own}.1" / RESULT_FILE, place.root)]
    assert sorted(names) == sorted(["serrano/data/mine.csv", *results])
    with session_scope(read_only=True) as session:
        told = [each.reason for each in transitions.events(session, session.get_one(Transfer, row.id))]
    has_secrets = place.root == place.home
    assert any(reason.startswith("left out: ") for reason in told) is has_secrets


def _submitted(place: Place, services: list[str], **params: str) -> Job:
    """Submit a job with these parameters as if the API had refused no text."""
    row_id = new_job(*services, owner=place.owner)
    with session_scope() as session:
        row = session.get_one(Job, row_id)
        row.params = {**row.params, **params}
    submit.apply(args=[str(row_id)])
    return job(row_id)


def test_a_job_is_judged_before_it_is_submitted(place: Place) -> None:
    data = place.root / "serrano/data"
    (data / "inference").mkdir(parents=True)
    for number, path in enumerate(place.foreign_targets):
        if not path.exists():
            continue
        ways = _linked(place, path, number)
        for way in ways:
            led = os.path.relpath(place.root / way, data)
            for key in ("read_input_data", "clustering_label_path", "inference_knn_path"):
                row = _submitted(place, ["knn"], **{key: led})
                assert (row.state, row.scheduler_id) == (JobState.FAILED, ""), (key, way)
        (data / f"inference/{number}.csv").symlink_to(path)
        row = _submitted(place, ["knn"], inference_knn_path="inference")
        assert (row.state, row.scheduler_id) == (JobState.FAILED, ""), path
        (data / f"inference/{number}.csv").unlink()
        if path.name == "key":
            continue  # other files may lie beside it
        for key in ("workspace", "profiling_workspace"):
            for way in (os.path.relpath(path.parent, place.root), f"to{number}"):
                row = _submitted(place, ["fft"], root_dir=str(place.root), **{key: way})
                assert (row.state, row.scheduler_id) == (JobState.FAILED, ""), (key, way)


def test_links_among_the_outputs_lead_a_job_nowhere(place: Place) -> None:
    data = place.root / "serrano/data/Output_Data"
    data.mkdir(parents=True, exist_ok=True)
    for path in (place.home / "control", place.home / ".ssh", attempts(place.foreign) / f"{place.foreign}.1"):
        (data / "CSVFormate").symlink_to(path)
        row = _submitted(place, ["fft"])
        assert (row.state, row.scheduler_id) == (JobState.FAILED, ""), path
        (data / "CSVFormate").unlink()


def test_a_retry_is_judged_again(
    api: TestClient, place: Place, caller: dict[str, str], store: ObjectStore
) -> None:
    row = _moved(place, store, "s3_data", str(attempts(place.own) / f"{place.own}.2/x"), uuid4().hex)
    body = {"access_key": OWNER.access_key, "secret_key": OWNER.secret_key}
    assert api.post(f"/s3_data/{row.id}/retry", json=body, headers=caller).status_code == 200
    assert _work(row.id).state is TransferState.FAILED


def test_ordinary_use_goes_on(
    api: TestClient, place: Place, caller: dict[str, str], store: ObjectStore, s3: "S3Client"
) -> None:
    key = uuid4().hex
    s3.put_object(Bucket="data", Key=key, Body=b"1,2\n")
    assert (
        _work(create_transfer(place.owner, store.url, "s3_data", path="serrano/data/in.csv", key=key)).state
        is TransferState.COMPLETED
    )
    assert (place.root / "serrano/data/in.csv").read_bytes() == b"1,2\n"
    result = attempts(place.own) / f"{place.own}.1" / RESULT_FILE
    for src in (str(result), os.path.relpath(result, place.root)):
        row = _work(create_transfer(place.owner, store.url, "s3_result", path=src, key=f"{key}-result"))
        assert row.state is TransferState.COMPLETED, row.reason
    assert _uploads(s3, f"{key}-result") == [SECRET]
    for url, body in (*write_doors(place, "serrano/data/x"), *read_doors(place, "serrano/data/x")):
        assert api.post(url, json=body, headers=caller).status_code == 201, body


@pytest.mark.parametrize("layout", [LAYOUTS[name] for name in SHARED], ids=SHARED)
def test_an_unknown_job_in_a_shared_root_is_not_read(place: Place, store: ObjectStore) -> None:
    folder = place.home / f"serrano/data/Output_Data/jobs/{uuid4()}.1"
    folder.mkdir(parents=True)
    (folder / "x").write_bytes(SECRET)
    assert _moved(place, store, "s3_result", str(folder / "x"), uuid4().hex).state is TransferState.FAILED
