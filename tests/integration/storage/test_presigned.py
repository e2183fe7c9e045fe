"""Presigned URLs in place of keys: what they may be, and that they move bytes and are never shown."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from gateway.models import Transfer
from gateway.states import TransferState
from gateway.storage.address import PresignedUrl
from tests.bodies import DATA, RESULT
from tests.rows import transfer
from tests.staging_rows import Bench, work

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SIGNATURE = "X-Amz-Signature=0123456789abcdef&X-Amz-Expires=600"
PLAIN = {k: v for k, v in DATA.items() if k not in {"access_key", "secret_key"}} | {"object": "a b/ö.csv"}
URL = f"https://s3.example.org/b/{quote('a b/ö.csv')}?{SIGNATURE}"
GOOD = [
    URL,
    f"https://s3.example.org:443/b/{quote('a b/ö.csv')}?{SIGNATURE}",
    f"https://b.s3.example.org/{quote('a b/ö.csv')}?{SIGNATURE}",
    f"https://s3.example.org/b/{quote('a b/ö.csv')}?AWSAccessKeyId=x&Signature=y&Expires=1",
    f"https://s3.example.org/b/{quote('a b/ö.csv')}?X-Goog-Algorithm=x&X-Goog-Signature=y",
    f"https://b.s3.example.org/{quote('a b/ö.csv')}?x-oss-credential=x&x-oss-signature=y",
]


@pytest.mark.parametrize("url", GOOD)
def test_a_presigned_url_of_the_object_is_taken_and_never_shown(api: TestClient, url: str) -> None:
    answer = api.post("/s3_data", json={**PLAIN, "presigned_url": url})
    assert answer.status_code == 201
    row_id = answer.json()["id"]
    shown = [answer, api.get(f"/s3_data/{row_id}"), api.get(f"/s3_data/{row_id}/events"), api.get("/s3_data")]
    assert not any("Signature" in each.text for each in shown)
    assert "Signature" not in (transfer(UUID(row_id)).credentials or "")


BAD = [
    "https://s3.example.org/b/other.csv?" + SIGNATURE,
    "https://elsewhere.example.org/b/a%20b/%C3%B6.csv?" + SIGNATURE,
    "http://s3.example.org/b/a%20b/%C3%B6.csv?" + SIGNATURE,
    "https://s3.example.org:8443/b/a%20b/%C3%B6.csv?" + SIGNATURE,
    "https://user:word@s3.example.org/b/a%20b/%C3%B6.csv?" + SIGNATURE,
    "https://169.254.169.254/b/a%20b/%C3%B6.csv?" + SIGNATURE,
    "https://s3.example.org/b/a%20b/%C3%B6.csv",
    URL + "#part",
    URL.replace("?", "?x=\n&"),
    "file:///b/a",
    "not a url",
    "https://s3.example.org/" + "x" * 9000 + "?" + SIGNATURE,
]


@pytest.mark.parametrize("url", BAD)
def test_any_other_url_is_400_and_its_signature_is_not_repeated(api: TestClient, url: str) -> None:
    answer = api.post("/s3_data", json={**PLAIN, "presigned_url": url})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["loc"][-1] == "presigned_url"
    assert "0123456789abcdef" not in answer.text
    assert api.get("/s3_data").json()["items"] == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({}, "access_key"),
        ({"access_key": "x"}, "secret_key"),
        ({"secret_key": "x"}, "access_key"),
        ({"access_key": "x", "secret_key": "y", "presigned_url": URL}, "presigned_url"),
        ({"access_key": "x", "presigned_url": URL}, "secret_key"),
        ({"presigned_url": URL, "object": "folder/"}, "presigned_url"),
    ],
)
def test_keys_or_a_url_but_not_both_and_not_half(api: TestClient, change: dict[str, Any], field: str) -> None:
    answer = api.post("/s3_data", json=PLAIN | change)
    assert (answer.status_code, answer.json()["errors"][0]["loc"][-1]) == (400, field)


@pytest.fixture
def sign(s3: "S3Client", bench: Bench) -> Callable[..., PresignedUrl]:
    """Sign with the store's own address: the proxy passes the Host header on as it is."""

    def make(method: str, key: str, seconds: int = 600) -> PresignedUrl:
        import boto3  # noqa: PLC0415  a client that signs for the proxy's address

        from tests import services  # noqa: PLC0415

        client = boto3.client(
            "s3",
            endpoint_url=bench.proxy.url,
            region_name="us-east-1",
            aws_access_key_id=services.ACCESS_KEY,
            aws_secret_access_key=services.SECRET_KEY,
        )
        url = client.generate_presigned_url(method, Params={"Bucket": "data", "Key": key}, ExpiresIn=seconds)
        client.close()
        return PresignedUrl(url)

    return make


def _ended(row: Transfer) -> tuple[TransferState, str | None]:
    return row.state, row.credentials


def test_an_object_comes_in_by_its_signed_url(
    bench: Bench, s3: "S3Client", sign: Callable[..., PresignedUrl]
) -> None:
    key, data = f"in/{uuid4().hex}.csv", b"1,2,3\n" * 2_000_000
    s3.put_object(Bucket="data", Key=key, Body=data)
    row = work(bench.create("s3_data", "x.csv", key, sign("get_object", key)))
    assert _ended(row) == (TransferState.COMPLETED, None), row.reason
    assert (bench.home / "x.csv").read_bytes() == data


@pytest.mark.parametrize("size", [0, 10, 12_000_000])
def test_a_result_goes_out_by_its_signed_url(
    bench: Bench, s3: "S3Client", sign: Callable[..., PresignedUrl], size: int
) -> None:
    key, data = f"out/{uuid4().hex}.csv", b"x" * size
    (bench.home / "y.csv").write_bytes(data)
    row = work(bench.create("s3_result", "y.csv", key, sign("put_object", key)))
    assert _ended(row) == (TransferState.COMPLETED, None), row.reason
    assert s3.get_object(Bucket="data", Key=key)["Body"].read() == data
    assert row.bytes_done == size


@pytest.mark.parametrize(("kind", "method"), [("s3_data", "put_object"), ("s3_result", "get_object")])
def test_a_url_for_something_else_fails_without_showing_it(
    bench: Bench, s3: "S3Client", sign: Callable[..., PresignedUrl], kind: str, method: str
) -> None:
    key = f"no/{uuid4().hex}.csv"
    s3.put_object(Bucket="data", Key=key, Body=b"old")
    (bench.home / "z.csv").write_bytes(b"new")
    row = work(bench.create(kind, "z.csv", key, sign(method, key)))
    assert row.state is TransferState.FAILED
    assert "fresh presigned_url" in row.reason
    assert "Signature" not in row.reason
    assert s3.get_object(Bucket="data", Key=key)["Body"].read() == b"old"
    assert (bench.home / "z.csv").read_bytes() == b"new"


def test_a_retry_takes_a_fresh_url_of_the_same_object_alone(api: TestClient) -> None:
    row_id = api.post("/s3_result", json={**RESULT, "object": "a b/ö.csv"}).json()["id"]
    assert api.post(f"/s3_result/{row_id}/cancel").status_code == 200
    url = f"/s3_result/{row_id}/retry"
    assert api.post(url, json={"presigned_url": BAD[0]}).status_code == 400
    assert api.post(url).status_code == 409
    assert api.post(url, json={"presigned_url": URL}).status_code == 200
