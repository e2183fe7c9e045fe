"""The protocol of a connection: uvicorn's, also for offers of HTTP/2 and bytes that are no request."""

import json
import re

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Of the same length as `Upgrade`, so that no byte of a body moves. The service speaks HTTP/1.1 alone.
_UNUSED = rb"\1X-Grade"
_UPGRADE = re.compile(rb"(\n)upgrade(?=[ \t]*:)", re.IGNORECASE)
NO_HTTP = (
    "this is no request of HTTP/1.1: expected a line such as GET /services HTTP/1.1, with the method in"
    " capital letters, then headers"
)


class HttpProtocol(HttpToolsProtocol):
    """A connection. Java's HttpClient, for one, offers HTTP/2 too, and uvicorn would drop its body."""

    def data_received(self, data: bytes) -> None:
        """Pass the bytes on without an offer to change the protocol."""
        super().data_received(_UPGRADE.sub(_UNUSED, data) if b"pgrade" in data.lower() else data)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  it says no more than that
        """Answer bytes that are no request with a problem, and close the connection."""
        problem = {"type": "about:blank", "title": "Bad Request", "status": 400}
        body = json.dumps(problem | {"detail": NO_HTTP, "message": NO_HTTP}).encode()
        head = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\nconnection: close\r\n"
        self.transport.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        self.transport.close()
