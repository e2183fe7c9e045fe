"""A file elsewhere that can be read: what an S3 object, a web page and a file of an FTP server share."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Protocol

from gateway.egress.connection import Take


@dataclass(frozen=True)
class RemoteInfo:
    """What its server says of it. `version` changes with its content; empty when the server has none."""

    size: int | None
    version: str
    ranges: bool
    checksums: Mapping[str, str] = field(default_factory=dict)  # algorithm -> hex, of the whole
    most_connections: int = 64
    parts_bytes: int = 0  # of a multipart ETag among the checksums
    has_even_parts: Callable[[], bool] = lambda: True  # asks, where `parts_bytes` is not certain of all
    whole: bytes | None = field(default=None, repr=False)  # all of it, where the answer was that short


def without_parts(info: RemoteInfo) -> RemoteInfo:
    """Return what is known of the file where the sizes of its upload's parts are not."""
    whole = {name: value for name, value in info.checksums.items() if not name.endswith("-parts")}
    return replace(info, checksums=whole, parts_bytes=0)


class Readable(Protocol):
    """An open answer."""

    def pour(self, take: Take) -> None:
        """Give the body away in pieces, until there is no more of it or no more is wanted."""


class Remote(Protocol):
    """The file."""

    def watched(self, watch: Callable[[], None]) -> AbstractContextManager[None]:
        """Call `watch` while the block, which no other thread is in, waits; what it raises ends that."""

    def ask(self) -> RemoteInfo:
        """Ask for its size, version and checksums."""

    def read(self, info: RemoteInfo, start: int, stop: int | None) -> AbstractContextManager[Readable]:
        """Open the bytes from `start` up to before `stop`, of the version of `info` and no other."""

    def close(self) -> None:
        """Give its connections back."""

    def cut(self) -> None:
        """Break all connections, so that whoever waits for one of them stops waiting."""
