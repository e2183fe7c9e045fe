"""Stage in (store to cluster) and stage out (cluster to store): byte-identical or not at all."""

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import PurePosixPath

from gateway.errors import StorageChanged
from gateway.filesystems.shared import SharedFilesystem
from gateway.settings import Settings
from gateway.storage.address import Credentials, PresignedUrl, S3Address
from gateway.storage.ftp import FtpFile
from gateway.storage.presigned import PresignedObject
from gateway.storage.remote import Remote, RemoteInfo
from gateway.storage.s3.object import S3Object
from gateway.storage.web import WebFile
from gateway.transfers.staging.attempt import Deadline, NoResume, Progress, ResumeState
from gateway.transfers.staging.download import download
from gateway.transfers.staging.upload import abort_upload, upload, upload_presigned

__all__ = [
    "Progress",
    "abandon_upload",
    "fetch_url",
    "list_files",
    "list_objects",
    "stage_in",
    "stage_in_signed",
    "stage_out",
    "stage_out_signed",
]

RESTARTS = 2  # of an object that changes while it is read, before the transfer is put off


def stage_in(  # noqa: PLR0917 (what, where to, who watches)
    address: S3Address,
    credentials: Credentials,
    site: SharedFilesystem,
    path: PurePosixPath,
    progress: Progress,
    settings: Settings,
    trail: ResumeState | None = None,
) -> None:
    """Copy an object to a file of the cluster, which appears whole and verified or not at all.

    With a `trail` a try that fails for the moment, or whose process dies, leaves its bytes to the next.

    Raises
    ------
    StorageError, SiteError
        With a sentence for the user; the transient ones of them are worth another try.
    """
    with closing(S3Object(address, credentials, settings)) as store:
        _receive(store, site, path, progress, settings, trail or NoResume())


def stage_out(  # noqa: PLR0917 (likewise)
    site: SharedFilesystem,
    path: PurePosixPath,
    address: S3Address,
    credentials: Credentials,
    progress: Progress,
    settings: Settings,
    trail: ResumeState | None = None,
) -> None:
    """Copy a file of the cluster to an object, which appears whole and verified or not at all.

    With a `trail` a try that fails for the moment, or whose process dies, leaves its parts to the next.

    Raises
    ------
    StorageError, SiteError
        With a sentence for the user; the transient ones of them are worth another try.
    """
    with site.read(path) as source, closing(S3Object(address, credentials, settings)) as store:
        progress.expect(source.size)
        upload(
            source,
            store,
            trail or NoResume(),
            progress=progress,
            deadline=Deadline(settings.transfer_timeout_s),
            connections=settings.connections,
        )


def fetch_url(  # noqa: PLR0917 (likewise)
    url: str,
    site: SharedFilesystem,
    path: PurePosixPath,
    progress: Progress,
    settings: Settings,
    trail: ResumeState | None = None,
) -> None:
    """Copy a file that http, https or ftp serves to the cluster, as `stage_in` does with an object."""
    kind = FtpFile if url.lower().startswith("ftp:") else WebFile
    with closing(kind(url, settings)) as remote:
        _receive(remote, site, path, progress, settings, trail or NoResume())


def stage_in_signed(  # noqa: PLR0917 (likewise)
    address: S3Address,
    secret: PresignedUrl,
    site: SharedFilesystem,
    path: PurePosixPath,
    progress: Progress,
    settings: Settings,
    trail: ResumeState | None = None,
) -> None:
    """Copy the object behind a presigned URL to the cluster, as `stage_in` does with keys."""
    with closing(PresignedObject(address, secret, settings)) as remote:
        _receive(remote, site, path, progress, settings, trail or NoResume())


def stage_out_signed(  # noqa: PLR0917 (likewise)
    site: SharedFilesystem,
    path: PurePosixPath,
    address: S3Address,
    secret: PresignedUrl,
    progress: Progress,
    settings: Settings,
) -> None:
    """Copy a file of the cluster to where a presigned URL leads, in one piece."""
    with site.read(path) as source, closing(PresignedObject(address, secret, settings)) as store:
        progress.expect(source.size)
        upload_presigned(source, store, progress, Deadline(settings.transfer_timeout_s))


def list_objects(
    address: S3Address, credentials: Credentials, progress: Progress, settings: Settings, most: int
) -> list[tuple[str, int]]:
    """Return name and size of what is below a prefix: at most one more than `most`."""
    watch = partial(progress.advance, 0)
    with closing(S3Object(address, credentials, settings)) as store, store.watched(watch):
        return _collect(store.below(), progress, most)


def list_files(
    site: SharedFilesystem, path: PurePosixPath, progress: Progress, most: int
) -> list[tuple[str, int]]:
    """Return name and size of what is below a folder: at most one more than `most`."""
    return _collect(site.files(path), progress, most)


def _collect(found: Iterator[tuple[str, int]], progress: Progress, most: int) -> list[tuple[str, int]]:
    collected: list[tuple[str, int]] = []
    for entry in islice(found, most + 1):
        progress.advance(0)
        collected.append(entry)
    return collected


def abandon_upload(
    address: S3Address, credentials: Credentials, trail: ResumeState, settings: Settings
) -> None:
    """Throw away the parts that tries have left at the store, when there will be no next one."""
    with closing(S3Object(address, credentials, settings)) as store:
        abort_upload(store, trail)


def _receive(  # noqa: PLR0917 (likewise)
    remote: Remote,
    site: SharedFilesystem,
    path: PurePosixPath,
    progress: Progress,
    settings: Settings,
    trail: ResumeState,
) -> None:
    """Fetch the remote file; one that changes under way is begun again."""
    deadline = Deadline(settings.transfer_timeout_s)
    info = _ask(remote, progress)
    with site.receive(path, trail.token) as incoming:
        for restarts in range(RESTARTS + 1):
            try:
                download(
                    remote,
                    info,
                    incoming,
                    progress=progress,
                    deadline=deadline,
                    connections=settings.connections,
                )
            except StorageChanged:
                if restarts == RESTARTS:
                    raise
                info = _ask(remote, progress)
            else:
                return


def _ask(remote: Remote, progress: Progress) -> RemoteInfo:
    with remote.watched(partial(progress.advance, 0)):
        info = remote.ask()
    if info.size is not None:
        progress.expect(info.size)
    return info
