"""The download of a result by people without a store: on its way, there, failed; by clients with a token."""

import asyncio
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import aiohttp
import httpx
import pytest
import requests
from fastapi.testclient import TestClient
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.accounts import api_keys
from gateway.callers import Scope
from gateway.db import session_scope
from gateway.errors import StorageError
from gateway.models import Transfer
from gateway.settings import get_settings
from gateway.states import JobState, TransferState
from gateway.work import failures
from tests.ended_rows import claim_transfer, ended_job
from tests.rows import new_job
from tests.servers import served
from tests.staging_rows import work
from tests.uploads import RESULT, finish_job


def _transfers() -> list[Transfer]:
    with session_scope(read_only=True) as session:
        return list(session.scalars(select(Transfer)))


def test_a_result_is_on_its_way_and_then_redirected_to(
    files_api: TestClient, outside: httpx.Client, finished_job: UUID
) -> None:
    url = f"/job/{finished_job}/outputs/fft"
    for _ in range(2):
        waiting = files_api.get(url, follow_redirects=False)
        assert (waiting.status_code, waiting.headers["retry-after"]) == (202, "1")
    [row] = _transfers()
    assert (row.kind, row.owner) == ("s3_result", "local")
    assert work(row.id).state is TransferState.COMPLETED
    there = files_api.get(url, follow_redirects=False)
    assert (there.status_code, there.content) == (307, b"")
    assert there.headers["cache-control"] == "no-store"
    downloaded = outside.get(there.headers["location"])
    assert downloaded.content == RESULT
    assert downloaded.headers["content-disposition"].startswith(
        'attachment; filename="FFT_Filter_output.csv"'
    )


def test_a_job_without_the_result_says_why(files_api: TestClient, finished_job: UUID) -> None:
    def answer(job_id: UUID, service: str = "fft") -> tuple[int, str]:
        got = files_api.get(f"/job/{job_id}/outputs/{service}", follow_redirects=False)
        return got.status_code, got.json()["message"]

    assert answer(finished_job, "kalman")[0] == 404
    assert answer(finished_job, "..%2f..%2fetc")[0] == 404
    assert answer(UUID(int=1))[0] == 404
    status, message = answer(new_job("fft"))
    assert (status, "accepted" in message) == (409, True)
    status, message = answer(ended_job(JobState.FAILED, "the input has no header"))
    assert (status, "the input has no header" in message) == (409, True)


def test_a_failed_copy_is_told_and_retried(files_api: TestClient, finished_job: UUID) -> None:
    url = f"/job/{finished_job}/outputs/fft"
    files_api.get(url)
    [row] = _transfers()
    claim_transfer(row.id)
    with session_scope() as session:
        failures.record_failure(session, session.get_one(Transfer, row.id), StorageError("it is full"))
    told = files_api.get(url, follow_redirects=False)
    assert told.status_code == 409
    assert "it is full" in told.json()["message"]
    keys = {"access_key": "a", "secret_key": "b"}
    assert files_api.post(f"/s3_result/{row.id}/retry", json=keys).status_code == 400
    assert f"/s3_result/{row.id}/retry" in told.json()["message"]
    assert files_api.post(f"/s3_result/{row.id}/retry").status_code == 200
    work(row.id)
    assert files_api.get(url, follow_redirects=False).status_code == 307


def test_a_copy_whose_transfer_was_pruned_is_made_again(files_api: TestClient, finished_job: UUID) -> None:
    url = f"/job/{finished_job}/outputs/fft"
    files_api.get(url)
    with session_scope() as session:
        session.delete(session.scalars(select(Transfer)).one())
    assert files_api.get(url, follow_redirects=False).status_code == 202
    assert len(_transfers()) == 1


def test_a_full_quota_is_told(
    files_api: TestClient, finished_job: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_STORE_OWNER_BYTES", "1")
    get_settings.cache_clear()
    answer = files_api.get(f"/job/{finished_job}/outputs/fft", follow_redirects=False)
    assert answer.status_code == 429
    assert _transfers() == []


def test_without_a_store_the_answer_names_the_setting(api: TestClient) -> None:
    answer = api.get(f"/job/{new_job('fft')}/outputs/fft", follow_redirects=False)
    assert answer.status_code == 501
    assert "GATEWAY_STORE_ENDPOINT" in answer.json()["message"]


class Recorder:
    """A store on a port of its own that keeps the headers of each request."""

    def __init__(self) -> None:
        self.headers: list[dict[str, str]] = []
        self.app = Starlette(routes=[Route("/{path:path}", self._answer)])

    async def _answer(self, request: Request) -> Response:
        self.headers.append(dict(request.headers))
        return Response(RESULT)


def _by_requests(url: str, headers: dict[str, str]) -> bytes:
    return requests.get(url, headers=headers, timeout=30).content


def _by_httpx(url: str, headers: dict[str, str]) -> bytes:
    return httpx.get(url, headers=headers, follow_redirects=True).content


def _by_curl(url: str, headers: dict[str, str]) -> bytes:
    words = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
    return subprocess.run(
        [str(shutil.which("curl")), "-sSfL", *words, url], check=True, capture_output=True
    ).stdout


def _by_aiohttp(url: str, headers: dict[str, str]) -> bytes:
    async def get() -> bytes:
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
            return await answer.read()

    return asyncio.run(get())


@pytest.fixture
def public_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    recorder = Recorder()
    with served(recorder.app) as url:
        monkeypatch.setenv("GATEWAY_STORE_PUBLIC_ENDPOINT", url)
        yield recorder


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("get", [_by_requests, _by_httpx, _by_curl, _by_aiohttp])
def test_the_token_of_the_api_does_not_travel_to_the_store(
    files_api: TestClient,
    public_store: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    get: Callable[[str, dict[str, str]], bytes],
) -> None:
    monkeypatch.setenv("GATEWAY_AUTH", "keys")
    get_settings.cache_clear()
    with session_scope() as session:
        _, token = api_keys.create_key(session, "ada", Scope.USER, None)
    headers = {"Authorization": f"Bearer {token}"}
    job_id = finish_job(tmp_path / "home", "ada", "owners/ada/")
    files_api.get(f"/job/{job_id}/outputs/fft", headers=headers)
    [row] = _transfers()
    work(row.id)
    with served(files_api.app) as url:
        assert get(f"{url}/job/{job_id}/outputs/fft", headers) == RESULT
    [seen] = public_store.headers
    assert "authorization" not in seen
    assert token not in str(seen)
