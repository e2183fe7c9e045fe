"""Models of the gateway's answers about files that people without a store upload."""

from uuid import UUID

from hpc_gateway_client.models import Model


class Upload(Model):
    """The request that uploads a file to the gateway's store; above 5 GiB, in parts of `part_bytes`."""

    method: str
    url: str
    headers: dict[str, str]
    part_bytes: int | None = None


class StoredFile(Model):
    """A file of a person without a store."""

    id: UUID
    name: str
    size: int
    upload: Upload


class Parts(Model):
    """The requests of an upload in parts: each part in its order, then the end."""

    parts: list[Upload]
    complete: Upload
