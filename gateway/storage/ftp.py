"""A file on an FTP server, read anonymously over one connection at a time."""

import ftplib
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from math import inf
from typing import cast
from urllib.parse import unquote, urlsplit

from gateway.egress import policy
from gateway.egress.connection import Take
from gateway.egress.errors import socket_errors
from gateway.egress.headers import parse_length
from gateway.egress.look_up import look_up
from gateway.egress.patience import LeastRate
from gateway.egress.policy import AllowList
from gateway.egress.threads import wait_for_thread
from gateway.errors import StorageBusy, StorageChanged, StorageError, StorageUnavailable
from gateway.settings import Settings
from gateway.storage.ftp_client import FtpClient
from gateway.storage.remote import Readable, RemoteInfo

_BUFFER_BYTES = 1 << 20
_ANONYMOUS = "anonymous@example.org"  # as the password: some servers demand an address
_NO_FILE = "550"
_FULL = re.compile(r"(421|530)\b.*(too many|maximum|limit|try again)", re.IGNORECASE | re.DOTALL)


class _DataStream:
    """The data connection as a Readable; the last bytes are given once they are confirmed."""

    def __init__(
        self, data: socket.socket, length: float, confirm: Callable[[], None], rate: LeastRate
    ) -> None:
        self._data, self._left, self._confirm = data, length, confirm
        self._rate, self._moved = rate, 0

    def stream(self, take: Take) -> None:
        buffer = memoryview(bytearray(_BUFFER_BYTES))
        wants = True
        while wants and self._left > 0:
            count = self._receive(buffer[: int(min(self._left, _BUFFER_BYTES))])
            self._left -= count
            if not count or not self._left:
                self._confirm()
            wants = count > 0 and take(buffer[:count])

    def _receive(self, buffer: memoryview) -> int:
        begun = time.monotonic()
        count = self._data.recv_into(buffer)
        self._moved += count
        self._rate.count(time.monotonic() - begun, lambda: self._moved)
        return count


class FtpFile:
    """A file that ftp serves without a login."""

    warnings = ()

    def __init__(self, url: str, settings: Settings) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or policy.DEFAULT_PORTS["ftp"]
        self._path, self._server = unquote(parts.path), f"ftp://{parts.netloc}"
        # RFC 1738: a path is below the folder of the log-in; a second slash makes it absolute.
        self._name = self._path[1:]
        self._settings = settings
        self._open: set[socket.socket] = set()
        self._watch: Callable[[], None] = lambda: None

    def close(self) -> None:
        """Do nothing: each reading has closed its connection."""

    def cut(self) -> None:
        """Break all connections, so that threads that wait for one of them stop waiting."""
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def watched(self, watch: Callable[[], None]) -> Iterator[None]:
        """Call `watch` while the block asks."""
        before, self._watch = self._watch, watch
        try:
            yield
        except BaseException:
            self.cut()
            raise
        finally:
            self._watch = before

    def ask(self) -> RemoteInfo:
        """Ask for size and time of change; a server that tells neither sends the file in one piece."""
        return wait_for_thread(self._ask, self._watch)

    def _ask(self) -> RemoteInfo:
        with self._session() as ftp:
            size, version = self._state(ftp)
            ranges = size is not None and bool(version) and _can_resume(ftp)
            return RemoteInfo(size, version, ranges=ranges, most_connections=1)

    def _state(self, ftp: FtpClient) -> tuple[int | None, str]:
        """Return size and time of change, as far as the server knows these commands."""
        size, refusal = None, ""
        try:
            size = _parse_size(ftp.sendcmd(f"SIZE {self._name}"), self._server)
        except ftplib.error_perm as error:
            refusal = str(error)[:3]
        try:
            return size, ftp.voidcmd(f"MDTM {self._name}")
        except ftplib.error_perm as error:
            if refusal == str(error)[:3] == _NO_FILE:  # one of them alone has many meanings: RETR tells
                raise
        return size, ""

    @contextmanager
    def read(self, info: RemoteInfo, start: int, stop: int | None) -> Iterator[Readable]:
        """Open the file from `start`; the reader stops at `stop`.

        FTP cannot ask for a version. So each reading begins with a check of size and time of change, which
        shows that the reading before it was of the same file; the last reading ends with this check as well.
        """
        with self._session() as ftp:
            self._check(ftp, info)
            data = ftp.transfercmd(f"RETR {self._name}", rest=start if info.ranges and start else None)

            def confirm() -> None:
                if stop is None or stop == info.size:
                    data.close()
                    ftp.voidresp()  # the server says whether it has sent all
                    self._check(ftp, info)

            with data, self._track(data):
                length = inf if stop is None else stop - start
                yield _DataStream(data, length, confirm, LeastRate(self._server, self._settings))

    def _check(self, ftp: FtpClient, info: RemoteInfo) -> None:
        if self._state(ftp) != (info.size, info.version):
            raise StorageChanged(f"{self._server}{self._path} was changed while it was read")

    @contextmanager
    def _session(self) -> Iterator[FtpClient]:
        """Log in; the host's address is judged, and data connections go to that same address."""
        allowed = self._settings.allowed_endpoints
        judge = partial(policy.check_connection, self._host, allowed=allowed)
        ftp = FtpClient(self._server, self._settings.connect_timeout_s, judge)
        with socket_errors(self._server):
            try:
                self._connect(ftp)
                ftp.reply_s = self._settings.read_timeout_s
                with self._track(cast("socket.socket", ftp.sock)):
                    ftp.login(passwd=_ANONYMOUS)
                    ftp.voidcmd("TYPE I")
                    yield ftp
            except (ftplib.Error, ValueError, OverflowError) as error:  # the latter of a port
                raise self._ftp_error(error) from error
            finally:
                ftp.close()

    def _connect(self, ftp: FtpClient) -> None:
        """Connect to the first judged address that answers."""
        allowed = AllowList(self._settings.allowed_endpoints)
        addresses = look_up(self._host, self._port, self._settings, allowed, lambda: None)
        for left, address in enumerate(addresses, start=1 - len(addresses)):
            try:
                ftp.connect(address, self._port, timeout=self._settings.connect_timeout_s)
            except OSError:
                if not left:
                    raise
                ftp.close()
            else:
                return

    @contextmanager
    def _track(self, each: socket.socket) -> Iterator[None]:
        each.settimeout(self._settings.read_timeout_s)
        self._open.add(each)
        try:
            yield
        finally:
            self._open.discard(each)

    def _ftp_error(self, error: Exception) -> StorageError:
        reply = re.sub(r"[^\x20-\x7e]+", " ", str(error))[:200]
        if _FULL.match(reply):
            return StorageBusy(f"{self._server} answers {reply!r}; it is tried again")
        if isinstance(error, ftplib.error_temp | ftplib.error_reply | ftplib.error_proto):
            return StorageUnavailable(f"{self._server} answers {reply!r}; it is tried again")
        return StorageError(f"{self._server} refuses {self._path}: {reply!r}: check src")


def _can_resume(ftp: FtpClient) -> bool:
    """Return whether the server can send a file from the middle."""
    try:
        return ftp.sendcmd("REST 0").startswith("3")
    except ftplib.error_perm:
        return False


def _parse_size(reply: str, server: str) -> int | None:
    """Return the size at the end of the reply to SIZE, behind words of some servers; None for none."""
    code, _, text = reply.partition(" ")
    found = re.fullmatch(r"(?:[A-Za-z ]+ )?([0-9]+)", text.strip())
    size = parse_length(found[1]) if found else None
    if code == "213" and size is None:
        raise StorageError(f"{server} answers {reply[:100]!r} where a size is expected: check src")
    return size if code == "213" else None
