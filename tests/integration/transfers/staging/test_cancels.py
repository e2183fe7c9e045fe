"""A cancel ends a transfer promptly in every wait: for a name, a connection, or the last answer."""

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from gateway.egress.pool import ConnectionPool
from gateway.errors import Cancelled
from gateway.filesystems.shared import SharedFilesystem
from gateway.settings import Settings
from gateway.storage.address import PresignedUrl, S3Address
from gateway.storage.s3.multipart import MultipartUploads
from tests.staging import Recorder, at, everything, open_uploads, stage_in, stage_out

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIB = 1 << 20
PATIENT = Settings(allowed_endpoints=["127.0.0.1", "slow.example"], connect_timeout_s=60, read_timeout_s=60)
Act = Callable[[S3Address, SharedFilesystem, Path, "Impatient"], None]


@dataclass
class Impatient(Recorder):
    """Is cancelled half a second after it has seen enough."""

    enough: int = 0
    since: float = float("inf")

    def advance(self, done_bytes: int) -> None:
        super().advance(done_bytes)
        if done_bytes >= self.enough:
            self.since = min(self.since, time.monotonic())
        if time.monotonic() >= self.since + 0.5:
            raise Cancelled("enough")


def _down(there: S3Address, site: SharedFilesystem, home: Path, progress: Impatient) -> None:
    stage_in(there, site, at(home, "down"), progress, PATIENT)


def _up(there: S3Address, site: SharedFilesystem, home: Path, progress: Impatient) -> None:
    stage_out(site, at(home, "up"), there, progress, PATIENT)


def _web(there: S3Address, site: SharedFilesystem, home: Path, progress: Impatient) -> None:
    stage_in(f"{there.endpoint}/x", site, at(home, "down"), progress, PATIENT, secret=None)


def _signed(there: S3Address, site: SharedFilesystem, home: Path, progress: Impatient) -> None:
    secret = PresignedUrl(f"{there.endpoint}/data/k?X-Amz-Signature=x")
    stage_out(site, at(home, "up"), there, progress, PATIENT, secret=secret)


def _is_prompt(act: Act, there: S3Address, site: SharedFilesystem, home: Path, progress: Impatient) -> None:
    with pytest.raises(Cancelled):
        act(there, site, home, progress)
    assert time.monotonic() - progress.since < 2
    assert everything(home) == ["up"]


@pytest.fixture
def deaf() -> Iterator[str]:
    """Listen where no connection is taken any more."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.settimeout(0)
            each.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        for each in waiting:
            each.close()


@pytest.mark.parametrize("size", [1000, 3 * MIB, 20 * MIB])
@pytest.mark.parametrize("act", [_down, _up, _web, _signed])
def test_while_a_connection_is_made(
    *, act: Act, size: int, deaf: str, site: SharedFilesystem, home: Path
) -> None:
    (home / "up").write_bytes(bytes(size))
    _is_prompt(act, S3Address(deaf, "local", "data", "k"), site, home, Impatient())


@pytest.mark.parametrize("act", [_down, _up, _web, _signed])
def test_while_a_name_is_looked_up(
    act: Act, site: SharedFilesystem, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released, real = Event(), socket.getaddrinfo

    def slow(host: str, *rest: Any, **named: Any) -> Any:
        released.wait(30)
        return real("127.0.0.1", *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    (home / "up").write_bytes(b"here")
    _is_prompt(act, S3Address("http://slow.example:1", "local", "data", "k"), site, home, Impatient())
    released.set()


@pytest.mark.parametrize(
    "silent", [(MultipartUploads, "complete"), (MultipartUploads, "check_size")], ids=["complete", "size"]
)
def test_while_the_store_puts_an_object_together(
    *,
    silent: tuple[type[Any], str],
    deaf: str,
    s3: "S3Client",
    address: S3Address,
    site: SharedFilesystem,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    progress, send = Impatient(enough=1 << 60), ConnectionPool.send

    def wait(uploads: MultipartUploads, *_: object) -> None:
        progress.since = time.monotonic()
        send(uploads._session.connections, "GET", deaf, {})  # noqa: SLF001  where no answer ever comes from

    monkeypatch.setattr(*silent, wait)
    (home / "up").write_bytes(bytes(20 * MIB))
    _is_prompt(_up, address, site, home, progress)
    assert open_uploads(s3) == []
