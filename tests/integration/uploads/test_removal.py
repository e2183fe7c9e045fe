"""Unused files are removed after a day: the object first, then the row, and none that is still needed."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from gateway.db import session_scope
from gateway.errors import Fault, StorageError
from gateway.models import StoredFile
from gateway.settings import get_settings
from gateway.transfers.lifecycle import OwnStoreRequest, draft_with_own_store
from gateway.uploads import removal
from gateway.uploads.files import open_file
from gateway.uploads.removal import remove_unused
from hpc_gateway_commands.demo.services import OWN_BUCKET, ObjectStore
from tests.rows import create
from tests.uploads import NEW, upload


def _age(hours: float) -> None:
    """Let so much time pass for all files."""
    with session_scope() as session:
        for file in session.scalars(select(StoredFile)):
            file.kept_until -= timedelta(hours=hours)


def _keys(store: ObjectStore) -> list[str]:
    listed = store.gateway_client().list_objects_v2(Bucket=OWN_BUCKET)
    return [each["Key"].partition("/")[2] for each in listed.get("Contents", ())]


def test_a_file_goes_after_a_day_without_use(
    files_api: TestClient, outside: httpx.Client, store: ObjectStore
) -> None:
    unused, used = upload(files_api, outside)["id"], upload(files_api, outside)["id"]
    _age(23.9)
    assert remove_unused() == 0
    with session_scope() as session:
        open_file(session, "local", UUID(used))
    _age(0.2)
    assert remove_unused() == 1
    assert files_api.get(f"/files/{unused}").status_code == 404
    assert files_api.get(f"/files/{used}").status_code == 200
    assert unused not in _keys(store)
    assert used in _keys(store)


def test_a_file_that_an_unfinished_transfer_needs_stays(files_api: TestClient, outside: httpx.Client) -> None:
    file_id = UUID(upload(files_api, outside)["id"])
    with session_scope() as session:
        opened = open_file(session, "local", file_id)
        request = OwnStoreRequest("s3_data", "hpc", opened.object, "serrano/data/x.csv")
        create(session, draft_with_own_store(session, "local", request))
    _age(100)
    assert remove_unused() == 0


def test_a_file_that_never_came_goes_with_its_open_upload(
    files_api: TestClient, outside: httpx.Client, store: ObjectStore
) -> None:
    file = files_api.post("/files", json=NEW | {"size": 6 << 30}).json()
    outside.post(file["upload"]["url"])
    files_api.post("/files", json=NEW)
    _age(25)
    assert remove_unused() == 2
    listed = store.gateway_client().list_multipart_uploads(Bucket=OWN_BUCKET, Prefix=f"local/{file['id']}")
    assert not listed.get("Uploads")


def test_a_store_that_is_away_loses_no_file(
    files_api: TestClient, outside: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = upload(files_api, outside)["id"]
    _age(25)
    url = get_settings().store_endpoint
    monkeypatch.setenv("GATEWAY_STORE_ENDPOINT", "http://127.0.0.1:1")
    get_settings.cache_clear()
    with pytest.raises(StorageError):
        remove_unused()
    assert files_api.get(f"/files/{file_id}").status_code == 404, "it is closed to new work"
    monkeypatch.setenv("GATEWAY_STORE_ENDPOINT", url)
    get_settings.cache_clear()
    assert remove_unused() == 0
    _age(1.1)
    assert remove_unused() == 1
    with session_scope(read_only=True) as session:
        assert session.scalars(select(StoredFile)).all() == []


def test_an_object_that_the_store_does_not_delete_keeps_no_other(
    files_api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, *others = (files_api.post("/files", json=NEW).json()["id"] for _ in range(3))
    delete = removal.delete_object

    def refuse(file: StoredFile) -> None:
        if str(file.id) == kept:
            raise StorageError("access denied", Fault.PERMISSION)
        delete(file)

    monkeypatch.setattr(removal, "delete_object", refuse)
    _age(25)
    assert remove_unused() == len(others)
    with session_scope(read_only=True) as session:
        assert [str(file.id) for file in session.scalars(select(StoredFile))] == [kept]


def test_open_uploads_are_aborted_on_every_page() -> None:
    file, calls = StoredFile(bucket="b", object="o"), list[str]()
    pages = [{"Uploads": [{"UploadId": str(n)}], "IsTruncated": n < 2} for n in range(3)]

    class Store:
        def call(self, name: str, **named: str) -> dict[str, Any]:
            if name == "list_multipart_uploads":
                return pages[len(calls)]
            calls.append(named["UploadId"])
            return {}

    removal.abort_open_uploads(Store(), file)  # type: ignore[arg-type]
    assert calls == ["0", "1", "2"]
