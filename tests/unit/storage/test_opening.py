"""Opening: each kind of file elsewhere is chosen once, by its address and its secret."""

from contextlib import closing

import pytest

from gateway.errors import Fault, StorageError
from gateway.settings import Settings
from gateway.storage.address import Credentials, PresignedUrl, S3Address, Secret
from gateway.storage.ftp import FtpFile
from gateway.storage.opening import open_prefix, open_remote, open_store
from gateway.storage.presigned import PresignedObject
from gateway.storage.s3.object import S3Object
from gateway.storage.web import WebFile

ADDRESS = S3Address("https://s3.example.org", "eu-1", "box", "key")
KEYS = Credentials("access", "geheim")
PRESIGNED = PresignedUrl("https://s3.example.org/box/key?X-Amz-Signature=x")
SETTINGS = Settings()


@pytest.mark.parametrize(
    ("source", "secret", "kind"),
    [
        (ADDRESS, KEYS, S3Object),
        (ADDRESS, PRESIGNED, PresignedObject),
        ("https://example.org/x", None, WebFile),
        ("http://example.org/x", None, WebFile),
        ("FTP://example.org/x", None, FtpFile),
    ],
)
def test_the_kind_follows_from_address_and_secret(
    source: S3Address | str, secret: Secret | None, kind: type
) -> None:
    with closing(open_remote(source, secret, SETTINGS)) as remote:
        assert type(remote) is kind


def test_a_presigned_url_stores_with_one_request_and_lists_nothing() -> None:
    with closing(open_store(ADDRESS, KEYS, SETTINGS)) as store:
        assert store.uploads is not None
    with closing(open_store(ADDRESS, PRESIGNED, SETTINGS)) as store:
        assert store.uploads is None
    with closing(open_prefix(ADDRESS, KEYS, SETTINGS)) as prefix:
        assert type(prefix) is S3Object
    with pytest.raises(StorageError, match="presigned URL cannot"):
        open_prefix(ADDRESS, PRESIGNED, SETTINGS)


def test_a_store_without_a_secret_is_refused() -> None:
    with pytest.raises(StorageError, match="send a retry") as caught:
        open_store(ADDRESS, None, SETTINGS)
    assert caught.value.fault is Fault.CREDENTIALS
