"""The S3 store of a client: it holds the input that is uploaded and the result that is downloaded."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from mypy_boto3_s3 import S3Client

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Store:
    """A bucket of an S3 store, and the keys to it, which the gateway gets with each transfer."""

    endpoint: str
    bucket: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str = "local"
    session_token: str = field(default="", repr=False)

    @classmethod
    def from_environment(cls, bucket: str, profile: str | None = None, endpoint: str = "") -> "Store":
        """Read endpoint, region and keys as every AWS tool does: from the AWS variables, or a profile.

        An `endpoint` that is given is taken in place of theirs.
        """
        from hpc_gateway_client import s3  # noqa: PLC0415  boto3 takes longer than most commands

        found = s3.read_environment(profile)
        return cls(bucket=bucket, **(found | {"endpoint": endpoint} if endpoint else found))

    @property
    def fields(self) -> dict[str, str]:
        """The store's part of a transfer's request."""
        return {
            "endpoint": self.endpoint,
            "bucket": self.bucket,
            "region": self.region,
            **self.keys,
        }

    @property
    def keys(self) -> dict[str, str]:
        """The keys in a request, with the session token of temporary ones."""
        token = {"session_token": self.session_token} if self.session_token else {}
        return {"access_key": self.access_key, "secret_key": self.secret_key, **token}

    def upload(self, file: Path, key: str, progress: Progress | None = None) -> None:
        """Put a file into the bucket; `progress` is called with the number of bytes of every step."""
        with self._client(f"{file} was not uploaded to {self.bucket}/{key}") as client:
            client.upload_file(str(file), self.bucket, key, Callback=progress)

    def download(self, key: str, file: Path, progress: Progress | None = None) -> None:
        """Write an object to a file; a file of that name is replaced only when every byte has arrived."""
        with self._client(f"{self.bucket}/{key} was not downloaded to {file}") as client:
            client.download_file(self.bucket, key, str(file), Callback=progress)

    def delete(self, key: str) -> None:
        """Remove an object."""
        with self._client(f"{self.bucket}/{key} was not removed") as client:
            client.delete_object(Bucket=self.bucket, Key=key)

    def _client(self, failure: str) -> "AbstractContextManager[S3Client]":
        from hpc_gateway_client import s3  # noqa: PLC0415  see from_environment

        return s3.open_client(self.endpoint, self.region, self.keys, failure)
