"""The S3 store on the client's side: where the input is uploaded to and the result downloaded from."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hpc_gateway_client.errors import GatewayClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Progress = Callable[[int], None]


class StoreFailed(GatewayClientError):
    """The store did not take or give an object."""


@dataclass(frozen=True)
class Store:
    """A bucket of an S3 store, and the keys to it, which the gateway gets with each transfer."""

    endpoint: str
    bucket: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str = "local"

    @classmethod
    def from_environment(cls, bucket: str, profile: str | None = None) -> "Store":
        """Find endpoint, region and keys where every AWS tool does: the AWS variables, or a profile."""
        import boto3  # noqa: PLC0415  a second of start-up that most commands do not need

        with _told("the store cannot be found"):
            session = boto3.Session(profile_name=profile)
            keys = session.get_credentials()
            region = session.region_name or "local"
            endpoint = session.client("s3", region_name=region).meta.endpoint_url
        if keys is None or keys.access_key is None or keys.secret_key is None:
            raise StoreFailed("no keys for the store: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
        if keys.token:
            raise StoreFailed("keys with a session token cannot be handed to the gateway")
        return cls(endpoint, bucket, keys.access_key, keys.secret_key, region)

    @property
    def fields(self) -> dict[str, str]:
        """The store's part of a transfer's request."""
        return {
            "endpoint": self.endpoint,
            "bucket": self.bucket,
            "region": self.region,
            "access_key": self.access_key,
            "secret_key": self.secret_key,
        }

    def upload(self, file: Path, key: str, progress: Progress | None = None) -> None:
        """Put a file into the bucket; `progress` is told the number of bytes of every step."""
        with _told(f"{file} was not uploaded to {self.bucket}/{key}"):
            self._client().upload_file(str(file), self.bucket, key, Callback=progress)

    def download(self, key: str, file: Path, progress: Progress | None = None) -> None:
        """Bring an object here; a file of that name is replaced only when every byte has arrived."""
        with _told(f"{self.bucket}/{key} was not downloaded to {file}"):
            self._client().download_file(self.bucket, key, str(file), Callback=progress)

    def delete(self, key: str) -> None:
        """Remove an object."""
        with _told(f"{self.bucket}/{key} was not removed"):
            self._client().delete_object(Bucket=self.bucket, Key=key)

    def _client(self) -> "S3Client":
        import boto3  # noqa: PLC0415  see from_environment
        from botocore.config import Config  # noqa: PLC0415  likewise

        checksums = Config(
            request_checksum_calculation="when_required", response_checksum_validation="when_required"
        )
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=checksums,
        )


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Say in one line what did not work, whatever the library threw."""
    from boto3.exceptions import Boto3Error  # noqa: PLC0415  see from_environment
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  likewise

    try:
        yield
    except (Boto3Error, BotoCoreError, ClientError, OSError) as error:
        raise StoreFailed(f"{what}: {error}") from error
