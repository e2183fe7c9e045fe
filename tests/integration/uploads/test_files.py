"""Files of people without a store: the URL of an upload, its size, the quota, and the way to the cluster."""

from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from botocore.exceptions import ClientError
from fastapi.testclient import TestClient

from gateway.callers import Scope
from gateway.db import session_scope
from gateway.errors import NotFound
from gateway.settings import get_settings
from gateway.states import TransferState
from gateway.transfers.lifecycle import OwnStoreRequest, draft_with_own_store
from gateway.uploads.bucket import make_bucket
from gateway.uploads.files import open_file
from hpc_gateway_commands.demo.services import ObjectStore
from tests.identity import bearer, new_key
from tests.rows import create
from tests.staging_rows import work
from tests.uploads import CONTENT, NEW, upload

LARGE = (5 << 30) + 1


def test_an_upload_reaches_the_cluster_though_no_request_may_name_its_store(
    files_api: TestClient, outside: httpx.Client, tmp_path: Path
) -> None:
    file = upload(files_api, outside)
    assert file.keys() == {"id", "name", "size", "created_at", "upload"}
    with session_scope() as session:
        opened = open_file(session, "local", UUID(file["id"]))
        assert (opened.size, opened.name) == (len(CONTENT), NEW["name"])
        assert opened.object == f"local/{file['id']}"
        request = OwnStoreRequest("s3_data", "hpc", opened.object, "serrano/data/x.csv")
        row_id = create(session, draft_with_own_store(session, "local", request))
    row = work(row_id)
    assert (row.state, row.reason) == (TransferState.COMPLETED, "")
    assert (tmp_path / "home/serrano/data/x.csv").read_bytes() == CONTENT


@pytest.mark.parametrize("length", [0, len(CONTENT) - 1, len(CONTENT) + 1])
def test_the_store_takes_exactly_the_size_that_was_asked_for(
    files_api: TestClient, outside: httpx.Client, length: int
) -> None:
    request = files_api.post("/files", json=NEW).json()["upload"]
    assert request["headers"] == {"Content-Length": str(len(CONTENT))}
    assert outside.put(request["url"], content=b"x" * length).status_code == 403


def test_a_body_without_a_length_is_refused_by_the_store(
    files_api: TestClient, outside: httpx.Client
) -> None:
    url = files_api.post("/files", json=NEW).json()["upload"]["url"]
    assert outside.put(url, content=iter([b"x" * 100])).status_code >= 400


def test_no_users_account_reads_the_bucket(
    files_api: TestClient, outside: httpx.Client, store: ObjectStore
) -> None:
    file, place = upload(files_api, outside), {"Bucket": get_settings().store_bucket}
    key, user = f"local/{file['id']}", store.client()
    assert store.gateway_client().get_object(Key=key, **place)["Body"].read() == CONTENT
    with suppress(user.exceptions.BucketAlreadyOwnedByYou):  # of the run on the other database
        user.create_bucket(Bucket="mine")
    copied = {"CopySource": f"{place['Bucket']}/{key}"}
    for call, named in (
        ("get_object", place | {"Key": key}),
        ("list_objects_v2", place),
        ("copy_object", copied | {"Bucket": "mine", "Key": "x"}),
        ("put_object", place | {"Key": key}),
        ("put_bucket_policy", place | {"Policy": "{}"}),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            getattr(user, call)(**named)


def test_a_whole_number_with_a_point_is_a_size(files_api: TestClient) -> None:
    answer = files_api.post("/files", json=NEW | {"size": 8.0})
    assert (answer.status_code, answer.json()["size"]) == (201, 8)


@pytest.mark.parametrize("size", [0, -1, "8", 8.5, True, None, 5 << 41, 10**30, 1e300])
def test_a_size_that_is_none_is_refused(files_api: TestClient, size: object) -> None:
    answer = files_api.post("/files", json=NEW | {"size": size})
    assert answer.status_code == 400
    assert "size" in answer.json()["message"]


@pytest.mark.parametrize("name", ["", "a/b", "/", "..", ".", "a\nb", "a\0b", "\u202ea.csv", "x" * 256, None])
def test_a_name_that_is_none_is_refused(files_api: TestClient, name: object) -> None:
    answer = files_api.post("/files", json=NEW | {"name": name})
    assert answer.status_code == 400
    assert "name" in answer.json()["message"]


def test_more_than_the_quota_is_refused(files_api: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_STORE_OWNER_BYTES", "20")
    get_settings.cache_clear()
    sizes = [files_api.post("/files", json=NEW | {"size": size}).status_code for size in (21, 15, 6, 5, 1)]
    assert sizes == [400, 201, 400, 201, 400]
    refused = files_api.post("/files", json=NEW)
    assert "GATEWAY_STORE_OWNER_BYTES" in refused.json()["message"]


def test_another_owners_file_does_not_exist(files_api: TestClient) -> None:
    file_id = files_api.post("/files", json=NEW).json()["id"]
    with session_scope() as session, pytest.raises(NotFound, match="POST /files"):
        open_file(session, "ada", UUID(file_id))
    assert files_api.get(f"/files/{uuid4()}").status_code == 404
    assert files_api.get("/files/x").status_code == 404


def test_a_file_is_shown_with_a_fresh_url(files_api: TestClient, outside: httpx.Client) -> None:
    file = files_api.post("/files", json=NEW).json()
    shown = files_api.get(f"/files/{file['id']}").json()
    assert shown | {"upload": 0} == file | {"upload": 0}
    assert outside.put(shown["upload"]["url"], content=CONTENT).status_code == 200


def test_a_repeated_post_with_a_key_makes_one_file(files_api: TestClient) -> None:
    first, second = (
        files_api.post("/files", json=NEW, headers={"Idempotency-Key": "once"}) for _ in range(2)
    )
    assert first.json() == second.json()


def test_above_5_gib_a_file_is_uploaded_in_parts(files_api: TestClient, outside: httpx.Client) -> None:
    file = files_api.post("/files", json=NEW | {"size": LARGE}).json()
    assert file["upload"]["method"] == "POST"
    step = file["upload"]["part_bytes"]
    started = outside.post(file["upload"]["url"])
    upload_id = started.text.partition("<UploadId>")[2].partition("<")[0]
    parts = files_api.post(f"/files/{file['id']}/parts", json={"upload_id": upload_id}).json()
    lengths = [int(part["headers"]["Content-Length"]) for part in parts["parts"]]
    assert (sum(lengths), lengths[0]) == (LARGE, step)
    last = parts["parts"][-1]
    assert outside.put(last["url"], content=b"xx").status_code == 403
    assert outside.put(last["url"], content=b"x").status_code == 200
    assert parts["complete"]["method"] == "POST"


def test_the_parts_of_one_upload_alone_are_signed(files_api: TestClient, outside: httpx.Client) -> None:
    file = files_api.post("/files", json=NEW | {"size": LARGE}).json()
    path, ids = f"/files/{file['id']}/parts", ("first", "second", "first")
    answers = [files_api.post(path, json={"upload_id": upload_id}) for upload_id in ids]
    assert [answer.status_code for answer in answers] == [200, 409, 200]
    assert "another upload" in answers[1].json()["message"]


def test_an_operator_gets_no_url_that_writes_a_users_file(
    files_api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = NEW | {"size": LARGE}
    monkeypatch.setenv("GATEWAY_AUTH", "keys")
    get_settings.cache_clear()
    user, operator = bearer(new_key("ada")), bearer(new_key("olga", Scope.OPERATOR))
    file_id = files_api.post("/files", json=large, headers=user).json()["id"]
    for headers, status in ((user, 200), (operator, 404)):
        assert files_api.get(f"/files/{file_id}", headers=headers).status_code == status
        parts = files_api.post(f"/files/{file_id}/parts", json={"upload_id": "u"}, headers=headers)
        assert parts.status_code == status


def test_a_small_file_has_no_parts(files_api: TestClient) -> None:
    file = files_api.post("/files", json=NEW).json()
    answer = files_api.post(f"/files/{file['id']}/parts", json={"upload_id": "x"})
    assert answer.status_code == 400


def test_without_a_store_the_answer_names_the_setting(api: TestClient) -> None:
    answer = api.post("/files", json=NEW)
    assert answer.status_code == 501
    assert "GATEWAY_STORE_ENDPOINT" in answer.json()["message"]


def test_people_get_urls_of_the_public_address(
    files_api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_STORE_PUBLIC_ENDPOINT", "https://files.example.org")
    get_settings.cache_clear()
    url = files_api.post("/files", json=NEW).json()["upload"]["url"]
    assert url.startswith("https://files.example.org/0-hpc-gateway/local/")


def test_a_web_page_may_use_the_urls_and_preparing_twice_changes_nothing(
    files_api: TestClient, outside: httpx.Client
) -> None:
    assert make_bucket() == get_settings().store_bucket
    url = files_api.post("/files", json=NEW).json()["upload"]["url"]
    asks = {"Origin": "https://portal.example.org", "Access-Control-Request-Method": "PUT"}
    allowed = outside.options(url, headers=asks).headers
    assert allowed["access-control-allow-origin"] in {"*", "https://portal.example.org"}
