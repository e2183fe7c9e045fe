"""ftplib's client with bounds on a reply: its lines, their length, and the time until it is whole."""

import ftplib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from gateway.egress.bounds import FTP_LINE_BYTES, FTP_REPLY_LINES
from gateway.egress.errors import too_large_answer

if TYPE_CHECKING:
    import socket

_PIECE_BYTES = 4 << 10


class FtpClient(ftplib.FTP):
    """A client whose replies cannot grow: ftplib itself joins the lines of a reply without an end."""

    def __init__(self, server: str, connect_timeout_s: float, check: Callable[[str, int], None]) -> None:
        super().__init__(encoding="utf-8")
        self._server, self._pending, self._check = server, b"", check
        self.reply_s = connect_timeout_s  # of the greeting; the session sets that of later replies

    def getresp(self) -> str:
        """Read a reply, or raise TimeoutError when it is not whole in time."""
        self._end, self._lines = time.monotonic() + self.reply_s, 0
        return super().getresp()

    def makepasv(self) -> tuple[str, int]:
        """Return address and port of a data connection, judged like those of the first one."""
        address, port = self._passive_address()
        self._check(address, port)
        return address, port

    def _passive_address(self) -> tuple[str, int]:
        """Ask by PASV, whose address does not count, or by EPSV; some servers answer the one as the other."""
        peer = cast("socket.socket", self.sock).getpeername()
        try:
            return super().makepasv()
        except ftplib.error_reply as error:
            reply = str(error)
        except ftplib.error_perm:
            reply = self.sendcmd("EPSV")
        return peer[0], ftplib.parse229(reply, peer)[1]  # noqa: S321  asked for by `src`

    def getline(self) -> str:
        """Read a line of a reply."""
        while b"\n" not in self._pending:
            if len(self._pending) > FTP_LINE_BYTES:
                raise too_large_answer(self._server, f"a line of more than {FTP_LINE_BYTES} bytes")
            self._pending += self._receive()
        line, _, self._pending = self._pending.partition(b"\n")
        self._lines += 1
        if self._lines > FTP_REPLY_LINES:
            raise too_large_answer(self._server, f"a reply of more than {FTP_REPLY_LINES} lines")
        return line.rstrip(b"\r").decode(self.encoding, "replace")  # older servers greet in Latin-1

    def _receive(self) -> bytes:
        control = cast("socket.socket", self.sock)
        left_s = self._end - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        control.settimeout(left_s)
        piece = control.recv(_PIECE_BYTES)
        if not piece:
            raise EOFError
        return piece
