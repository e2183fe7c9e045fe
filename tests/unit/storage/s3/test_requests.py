"""The requests that are sent without boto3 go to the same URLs as boto3's."""

from itertools import product
from typing import Literal

import boto3
import pytest
from botocore.config import Config

from gateway.errors import Fault, StorageError
from gateway.settings import Settings
from gateway.storage.address import Credentials, S3Address
from gateway.storage.s3 import clients
from gateway.storage.s3.sending import object_url

BUCKETS = ["bucket", "with.dots", "with-dash", "Upper", "under_score", "ab", "x" * 64]
KEYS = ["a/b/c", "with space", "größe/Ü", "plus+percent%20", "a?b#c&d=e", "//x/../y", "quote'\"", "~", "a:b"]
NAMED = ["https://s3.example.org", "https://s3.example.org:8443/below"]
NUMBERED = ["http://127.0.0.1:9000", "http://[::1]:9000"]


@pytest.mark.parametrize(
    ("endpoint", "virtual_hosted"),
    [*product(NAMED, [False, True]), *((endpoint, False) for endpoint in NUMBERED)],
)
def test_an_object_is_where_boto3_finds_it(*, endpoint: str, virtual_hosted: bool) -> None:
    style: Literal["virtual", "path"] = "virtual" if virtual_hosted else "path"
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="eu-1",
        aws_access_key_id="x",
        aws_secret_access_key="y",
        config=Config(signature_version="s3v4", s3={"addressing_style": style}),
    )
    for bucket, key in product(BUCKETS, KEYS):
        ours = object_url(S3Address(endpoint, "eu-1", bucket, key), virtual_hosted=virtual_hosted)
        theirs = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key})
        assert ours == theirs.partition("?X-Amz")[0]
    client.close()


@pytest.mark.parametrize(
    ("bucket", "key"), [("", "x"), ("a/b", "x"), ("ä", "x"), ("a b", "x"), ("x" * 256, "x"), ("b", "")]
)
def test_names_that_no_store_has_are_refused(bucket: str, key: str) -> None:
    with pytest.raises(StorageError, match="check both") as caught:
        object_url(S3Address(NAMED[0], "eu-1", bucket, key), virtual_hosted=False)
    assert caught.value.fault is Fault.NAME


@pytest.mark.parametrize(
    ("endpoint", "is_virtual"),
    [
        (NAMED[0], True),
        ("https://example.org.", True),
        ("https://badexample.org", False),
        ("https://s3.example.com", False),
        *((endpoint, False) for endpoint in NUMBERED),
    ],
)
def test_a_bucket_stands_before_listed_names_alone(*, endpoint: str, is_virtual: bool) -> None:
    listed = ["Example.org", "127.0.0.1", "::1"]
    lent = clients.borrow_session(
        S3Address(endpoint, "eu-1", "box", "k"), Credentials("x", "y"), Settings(virtual_hosted=listed)
    )
    assert ("//box." in lent.route.bucket_url) is is_virtual
