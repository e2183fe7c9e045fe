"""boto3 for the client's store, in a module of its own because the import of boto3 takes 0.3 s."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import boto3
from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from hpc_gateway_client.errors import StoreFailed

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

AMAZON_REGION = "us-east-1"


def read_environment(profile: str | None) -> dict[str, str]:
    """Return endpoint, region and keys of the AWS variables or a profile, as the fields of a Store.

    Temporary keys have their session token. The region is that of AWS_REGION, which boto3 does not read, of
    AWS_DEFAULT_REGION, or of the profile; without one it is `local`, or Amazon's first region at Amazon.
    """
    with _translate_errors("the store cannot be found"):
        session = boto3.Session(profile_name=profile)
        keys = session.get_credentials()
        named = os.environ.get("AWS_REGION") or session.region_name
        endpoint = session.client("s3", region_name=named or AMAZON_REGION).meta.endpoint_url
    if keys is None or keys.access_key is None or keys.secret_key is None:
        raise StoreFailed("no keys for the store: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    return {
        "endpoint": endpoint,
        "region": named or (AMAZON_REGION if _is_amazon(endpoint) else "local"),
        "access_key": keys.access_key,
        "secret_key": keys.secret_key,
        "session_token": keys.token or "",
    }


def _is_amazon(endpoint: str) -> bool:
    return (urlsplit(endpoint).hostname or "").endswith(".amazonaws.com")


@contextmanager
def open_client(endpoint: str, region: str, keys: Mapping[str, str], failure: str) -> "Iterator[S3Client]":
    """Give a client of the store; an error in the block becomes StoreFailed, told as `failure`."""
    checksums = Config(
        request_checksum_calculation="when_required", response_checksum_validation="when_required"
    )
    with _translate_errors(failure):
        yield boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name=region,
            aws_access_key_id=keys["access_key"],
            aws_secret_access_key=keys["secret_key"],
            aws_session_token=keys.get("session_token"),
            config=checksums,
        )


@contextmanager
def _translate_errors(failure: str) -> Iterator[None]:
    try:
        yield
    except (Boto3Error, BotoCoreError, ClientError, OSError, ValueError) as error:
        raise StoreFailed(f"{failure}: {error}") from error
