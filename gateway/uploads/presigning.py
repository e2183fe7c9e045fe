"""Presigned URLs of objects in the gateway's own bucket, signed here without a request to the store."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from boto3.session import Session
from botocore.config import Config

from gateway.db import utc_now
from gateway.storage.own_store import OwnStore

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LIFE_S = 3600


@dataclass(frozen=True)
class SignedRequest:
    """A request that its holder may send until it expires: with these headers, and no others of its own."""

    method: str
    url: str
    headers: Mapping[str, str]
    expires_at: datetime


def sign_put(store: OwnStore, key: str, size: int) -> SignedRequest:
    """Return the upload of an object of exactly that size."""
    signed = _sign(store, "put_object", "PUT", key, ContentLength=size)
    return SignedRequest("PUT", signed.url, {"Content-Length": str(size)}, signed.expires_at)


def sign_start(store: OwnStore, key: str) -> SignedRequest:
    """Return the start of an upload in parts, whose answer names the upload's id."""
    return _sign(store, "create_multipart_upload", "POST", key)


def sign_part(store: OwnStore, key: str, upload_id: str, number: int, size: int) -> SignedRequest:
    """Return the upload of one part of exactly that size."""
    named = {"UploadId": upload_id, "PartNumber": number, "ContentLength": size}
    signed = _sign(store, "upload_part", "PUT", key, **named)
    return SignedRequest("PUT", signed.url, {"Content-Length": str(size)}, signed.expires_at)


def sign_complete(store: OwnStore, key: str, upload_id: str) -> SignedRequest:
    """Return the end of an upload in parts; its body lists the parts with their ETags."""
    return _sign(store, "complete_multipart_upload", "POST", key, UploadId=upload_id)


def sign_get(store: OwnStore, key: str, name: str) -> SignedRequest:
    """Return the download of an object, which a browser saves under that name."""
    plain = "".join(c if (c.isascii() and c.isalnum()) or c in ".-_" else "_" for c in name)
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    return _sign(store, "get_object", "GET", key, ResponseContentDisposition=disposition)


def _sign(store: OwnStore, call: str, method: str, key: str, **named: object) -> SignedRequest:
    parameters: Any = {"Bucket": store.bucket, "Key": key, **named}
    expires_at = utc_now() + timedelta(seconds=LIFE_S)
    url = _client(store).generate_presigned_url(call, Params=parameters, ExpiresIn=LIFE_S, HttpMethod=method)
    return SignedRequest(method, url, {}, expires_at)


@lru_cache(maxsize=4)
def _client(store: OwnStore) -> "S3Client":
    """Return a client that signs for the address under which people reach the store."""
    host = urlsplit(store.public_endpoint).hostname or ""
    style: Any = "virtual" if f".{host}".endswith((".amazonaws.com", ".amazonaws.com.cn")) else "path"
    return Session().client(
        "s3",
        endpoint_url=store.public_endpoint,
        region_name=store.region,
        aws_access_key_id=store.keys.access_key,
        aws_secret_access_key=store.keys.secret_key,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": style},
            request_checksum_calculation="when_required",
        ),
    )
