"""Remote files, as staging reads them: an S3 object, a web page or a file of an FTP server."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Protocol

from gateway.egress.connection import Take


@dataclass(frozen=True)
class RemoteInfo:
    """A server's description of a file. `version` changes with its content; empty when there is none.

    `hints` names the checksums that an ETag alone gives, which may be something else. A body that is not
    delimited ends with its connection, so that a cut cannot be told from its end.
    """

    size: int | None
    version: str
    ranges: bool
    checksums: Mapping[str, str] = field(default_factory=dict)  # algorithm -> hex, of the whole
    most_connections: int = 64
    parts_bytes: int = 0  # of a multipart ETag among the checksums
    has_even_parts: Callable[[], bool] = lambda: True  # asks, where `parts_bytes` is not certain of all
    whole: bytes | None = field(default=None, repr=False)  # all of it, where the answer was that short
    hints: frozenset[str] = frozenset()
    is_delimited: bool = True


def without_parts(info: RemoteInfo) -> RemoteInfo:
    """Return the description without the checksums of an upload's parts of unknown sizes."""
    whole = {name: value for name, value in info.checksums.items() if not name.endswith("-parts")}
    return replace(info, checksums=whole, parts_bytes=0)


def without_hints(info: RemoteInfo) -> RemoteInfo:
    """Return the description without the checksums that an ETag alone gives."""
    stated = {name: value for name, value in info.checksums.items() if name not in info.hints}
    return replace(info, checksums=stated, hints=frozenset())


class Connected(Protocol):
    """Connections to one server."""

    def watched(self, watch: Callable[[], None]) -> AbstractContextManager[None]:
        """Call `watch` again and again while the block waits; an exception of `watch` ends the wait.

        Only one thread may use the connections inside the block.
        """

    def cut(self) -> None:
        """Break all connections, so that threads that wait for one of them stop waiting."""

    def close(self) -> None:
        """Give the connections back."""


class Readable(Protocol):
    """An open answer."""

    def stream(self, take: Take) -> None:
        """Pass the body to `take` in pieces, until its end or until `take` returns False."""


class Remote(Connected, Protocol):
    """A file elsewhere that can be read."""

    @property
    def warnings(self) -> Sequence[str]:
        """Sentences for the user about the server's answers so far."""

    def ask(self) -> RemoteInfo:
        """Ask for its size, version and checksums."""

    def read(self, info: RemoteInfo, start: int, stop: int | None) -> AbstractContextManager[Readable]:
        """Open the bytes from `start` up to before `stop`, of the version of `info` and no other."""


class Prefix(Connected, Protocol):
    """All objects of a store below one prefix."""

    def below(self) -> Iterator[tuple[str, int]]:
        """Yield name and size of each object; names begin after the prefix."""
