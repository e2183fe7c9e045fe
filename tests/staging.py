"""Shared parts of the staging tests: one attempt in each direction, its observers, and its remains."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from uuid import uuid4

from gateway.errors import Cancelled, StorageUnavailable
from gateway.filesystems.base import Filesystem
from gateway.settings import Settings
from gateway.storage.address import Credentials, S3Address, Secret
from gateway.storage.opening import open_remote, open_store
from gateway.transfers.outcome import Outcome
from gateway.transfers.staging.attempt import (
    Attempt,
    Deadline,
    EtagRecord,
    NoEtags,
    NoResume,
    Progress,
    ResumeState,
)
from gateway.transfers.staging.download import download
from gateway.transfers.staging.upload import abort_uploads, upload
from tests import services

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SETTINGS = Settings(allowed_endpoints=["127.0.0.1"])
OWNER = Credentials(services.ACCESS_KEY, services.SECRET_KEY)


@dataclass
class Recorder:
    """A Progress that records, and stops the attempt at a number of bytes."""

    stop_at: int | None = None
    total: int | None = None
    seen: list[int] = field(default_factory=list)

    def expect(self, total_bytes: int) -> None:
        self.total = total_bytes

    def advance(self, done_bytes: int) -> None:
        self.seen.append(done_bytes)
        if self.stop_at is not None and done_bytes >= self.stop_at:
            raise Cancelled("enough")


def at(home: Path, text: str) -> PurePosixPath:
    return PurePosixPath(home / text)


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def open_upload_ids(client: "S3Client") -> list[str]:
    return [upload["UploadId"] for upload in client.list_multipart_uploads(Bucket="data").get("Uploads", [])]


def open_uploads(client: "S3Client") -> list[str]:
    try:
        uploads = client.list_multipart_uploads(Bucket="data").get("Uploads", [])
    except client.exceptions.NoSuchUpload:  # how rclone's server says that there are none
        return []
    return [upload["Key"] for upload in uploads]


@dataclass
class Resume:
    """A resume state in memory."""

    token: str = field(default_factory=lambda: uuid4().hex)
    upload_id: str = ""
    lost_since: datetime | None = None

    def keep_upload(self, upload_id: str) -> None:
        self.upload_id = upload_id

    def begins_again(self) -> None:
        """Do nothing: the test begins the next try itself."""


class Interrupted(Recorder):
    """Ends an attempt when enough was done in it."""

    def __init__(self, enough: Callable[[int], bool]) -> None:
        super().__init__()
        self._enough = enough

    def advance(self, done_bytes: int) -> None:
        super().advance(done_bytes)
        if self._enough(done_bytes):
            raise StorageUnavailable("this is for another try")


def attempt(
    progress: Progress,
    settings: Settings,
    resume: ResumeState | None = None,
    etags: EtagRecord | None = None,
) -> Attempt:
    deadline = Deadline(settings.transfer_timeout_s)
    known = etags or NoEtags()
    return Attempt(progress, deadline, resume or NoResume(), settings.connections, etags=known)


def stage_in(
    source: S3Address | str,
    site: Filesystem,
    path: PurePosixPath,
    progress: Progress,
    settings: Settings,
    *,
    secret: Secret | None = OWNER,
    resume: ResumeState | None = None,
    etags: EtagRecord | None = None,
) -> Outcome:
    """Copy a file elsewhere to the cluster, as the worker does with a row."""
    one = attempt(progress, settings, resume, etags)
    with closing(open_remote(source, secret, settings)) as remote:
        way = download(remote, site.receive(path, one.resume.token), one)
        return Outcome(way, remote.warnings)


def stage_out(
    site: Filesystem,
    path: PurePosixPath,
    address: S3Address,
    progress: Progress,
    settings: Settings,
    *,
    secret: Secret = OWNER,
    resume: ResumeState | None = None,
    etags: EtagRecord | None = None,
) -> Outcome:
    """Copy a file of the cluster to a store, as the worker does with a row."""
    with site.read(path) as source, closing(open_store(address, secret, settings)) as store:
        way = upload(source, store, attempt(progress, settings, resume, etags))
        return Outcome(way, store.warnings)


def abandon_upload(address: S3Address, resume: ResumeState, settings: Settings) -> None:
    """Remove the leftovers of tries at the store, as the worker does for a row that has ended."""
    with closing(open_store(address, OWNER, settings)) as store:
        abort_uploads(store, resume)
