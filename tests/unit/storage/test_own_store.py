"""Requests of clients do not reach the gateway's own bucket, however they spell it."""

import pytest
from pydantic import SecretStr

from gateway.errors import Invalid
from gateway.settings import Settings
from gateway.storage.own_store import check_foreign

STORE = "http://store.example.org:9000"
PUBLIC = "https://files.example.org/s3"


def _settings(endpoint: str = STORE, public: str = PUBLIC) -> Settings:
    return Settings(
        store_endpoint=endpoint,
        store_public_endpoint=public,
        store_bucket="own-files",
        store_access_key=SecretStr("access"),
        store_secret_key=SecretStr("secret"),
    )


SPELLINGS = [
    (STORE, "own-files"),
    ("http://STORE.example.ORG:9000/", "own-files"),
    ("http://store.example.org.:9000", "own-files"),
    ("https://store.example.org:9000", "own-files"),
    (STORE, "OWN-Files"),
    (STORE, "own%2Dfiles"),
    (STORE, "own%252Dfiles"),
    (STORE, "/own-files"),
    (STORE, "x/../own-files"),
    (STORE, "./own-files"),
    (f"{STORE}/own-files", "local"),
    (f"{STORE}//own-files/", "local"),
    (f"{STORE}/%6Fwn-files", "local"),
    (f"{STORE}/x/../own-files", "local"),
    ("http://own-files.store.example.org:9000", "local"),
    ("http://OWN-FILES.store.example.org:9000", "local"),
    ("https://files.example.org/s3", "own-files"),
    ("https://files.example.org:443/s3/own-files", "x"),
]


@pytest.mark.parametrize("number", range(len(SPELLINGS)))
def test_no_spelling_of_the_bucket_is_accepted(number: int) -> None:
    endpoint, bucket = SPELLINGS[number]
    with pytest.raises(Invalid, match="bucket: .* the gateway's own"):
        check_foreign(endpoint, _settings(), "bucket", bucket)


@pytest.mark.parametrize("own", ["http://127.0.0.1:8333", "http://localhost:8333", "http://[::1]:8333"])
@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "127.1", "0x7f000001", "2130706433", "a.localhost", "[::ffff:127.0.0.1]"],
)
def test_names_and_numbers_of_this_machine_are_one(own: str, host: str) -> None:
    with pytest.raises(Invalid):
        check_foreign(f"http://{host}:8333", _settings(own, ""), "bucket", "own-files")


@pytest.mark.parametrize("src", [f"{STORE}/own-files/local/x?X-Amz-Signature=1", f"{PUBLIC}/own-files/a"])
def test_a_presigned_url_of_the_bucket_is_no_source(src: str) -> None:
    with pytest.raises(Invalid, match="src: "):
        check_foreign(src, _settings(), "src")


@pytest.mark.parametrize(
    ("endpoint", "bucket"),
    [
        (STORE, "own-files-2"),
        (STORE, "recordings"),
        (f"{STORE}/recordings", "own-files"),
        ("http://store.example.org:9001", "own-files"),
        ("https://s3.example.org", "own-files"),
        ("https://notstore.example.org:9000", "own-files"),
    ],
)
def test_other_buckets_and_stores_are_open(endpoint: str, bucket: str) -> None:
    check_foreign(endpoint, _settings(), "bucket", bucket)


def test_without_a_bucket_of_its_own_the_gateway_refuses_none() -> None:
    check_foreign(STORE, Settings(), "bucket", "own-files")
