"""Opening: the one choice between an S3 store, a presigned URL, a web server and an FTP server."""

from gateway.errors import Fault, StorageError
from gateway.settings import Settings
from gateway.storage.address import PresignedUrl, S3Address, Secret
from gateway.storage.ftp import FtpFile
from gateway.storage.own_store import reaching_own_store
from gateway.storage.presigned import PresignedObject
from gateway.storage.remote import Prefix, Remote
from gateway.storage.s3.object import S3Object
from gateway.storage.store import Store
from gateway.storage.web import WebFile


def open_remote(source: S3Address | str, secret: Secret | None, settings: Settings) -> Remote:
    """Return a file elsewhere to be read: an object that the secret opens, or the public file at a URL."""
    if isinstance(source, S3Address):
        return _open_object(source, secret, settings)
    return FtpFile(source, settings) if source.lower().startswith("ftp:") else WebFile(source, settings)


def open_store(address: S3Address, secret: Secret | None, settings: Settings) -> Store:
    """Return an object of a store to be written."""
    return _open_object(address, secret, settings)


def open_prefix(address: S3Address, secret: Secret | None, settings: Settings) -> Prefix:
    """Return the objects below an address to be listed, for which a presigned URL is not enough."""
    opened = _open_object(address, secret, settings)
    if isinstance(opened, PresignedObject):
        raise StorageError("a presigned URL cannot do this: send access_key and secret_key")
    return opened


def _open_object(address: S3Address, secret: Secret | None, settings: Settings) -> S3Object | PresignedObject:
    if secret is None:
        raise StorageError(
            f"there are no credentials for {address.endpoint}: send a retry with fresh ones",
            Fault.CREDENTIALS,
        )
    if isinstance(secret, PresignedUrl):
        return PresignedObject(address, secret, settings)
    return S3Object(address, secret, reaching_own_store(settings) if secret.is_own else settings)
