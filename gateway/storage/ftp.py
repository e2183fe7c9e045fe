"""A file on an FTP server, read without a login over one connection at a time."""

import ftplib
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import cast
from urllib.parse import unquote, urlsplit

from gateway.errors import StorageError, StorageUnavailable
from gateway.settings import Settings
from gateway.storage import policy
from gateway.storage.refusals import reached
from gateway.storage.remote import Readable, RemoteInfo

PORT = 21


class _Stream:
    """The data connection as something to read from."""

    def __init__(self, data: socket.socket) -> None:
        self._data = data

    def readinto(self, buffer: memoryview, /) -> int:
        return self._data.recv_into(buffer)


class FtpFile:
    """A file that ftp serves to everybody."""

    def __init__(self, url: str, settings: Settings) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or PORT
        self._path, self._where = unquote(parts.path), f"ftp://{parts.netloc}"
        self._settings = settings
        self._open: set[socket.socket] = set()

    def close(self) -> None:
        """Do nothing: each reading has closed its connection."""

    def cut(self) -> None:
        """Break all connections, so that whoever waits for one of them stops waiting."""
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def ask(self) -> RemoteInfo:
        """Ask for size and time of change; a server that tells neither sends the file in one piece."""
        with self._session() as ftp:
            try:
                size = ftp.size(self._path)
            except ftplib.error_perm as error:
                if not _is_unknown_command(error):
                    raise
                return RemoteInfo(None, "", ranges=False, most_connections=1)
            with suppress(ftplib.error_perm):
                version = ftp.voidcmd(f"MDTM {self._path}")
                return RemoteInfo(size, version, ranges=size is not None, most_connections=1)
        return RemoteInfo(size, "", ranges=False, most_connections=1)

    @contextmanager
    def read(self, info: RemoteInfo, start: int, stop: int | None) -> Iterator[Readable]:
        """Open the file from `start`; whoever reads stops at `stop`."""
        with self._session() as ftp:
            data = ftp.transfercmd(f"RETR {self._path}", rest=start if info.ranges and start else None)
            with data, self._tracked(data):
                yield _Stream(data)
                if stop is None or stop == info.size:
                    data.close()
                    ftp.voidresp()  # the server says whether it has sent all

    @contextmanager
    def _session(self) -> Iterator[ftplib.FTP]:
        """Log in; the host's address is judged, and data connections go to that same address."""
        ftp = ftplib.FTP(encoding="utf-8")  # noqa: S321 (what the user asked for, and nothing secret in it)
        address = policy.resolve(self._host, self._port, self._settings.allowed_endpoints)[0]
        with reached(self._where):
            try:
                ftp.connect(address, self._port, timeout=self._settings.connect_timeout_s)
                with self._tracked(cast("socket.socket", ftp.sock)):
                    ftp.login()
                    ftp.voidcmd("TYPE I")
                    yield ftp
            except (ftplib.Error, ValueError) as error:
                raise self._refusal(error) from error
            finally:
                ftp.close()

    @contextmanager
    def _tracked(self, each: socket.socket) -> Iterator[None]:
        each.settimeout(self._settings.read_timeout_s)
        self._open.add(each)
        try:
            yield
        finally:
            self._open.discard(each)

    def _refusal(self, error: Exception) -> StorageError:
        said = re.sub(r"[^\x20-\x7e]+", " ", str(error))[:200]
        if isinstance(error, ftplib.error_temp | ftplib.error_reply | ftplib.error_proto):
            return StorageUnavailable(f"{self._where} answers {said!r}; it is tried again")
        return StorageError(f"{self._where} refuses {self._path}: {said!r}: check src")


def _is_unknown_command(error: ftplib.error_perm) -> bool:
    return str(error)[:3] in {"500", "501", "502", "504"}
