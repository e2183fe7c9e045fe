"""The check of a store's XML before it is parsed: depth, nodes, names, texts, and no document type.

A tree takes many times the memory of its text, so a page of 16 MiB could take gigabytes.
"""

from xml.parsers import expat

from gateway.egress.bounds import (
    ERROR_BYTES,
    XML_DEPTH,
    XML_NAME_CHARS,
    XML_NODES,
    XML_TAG_BYTES,
    XML_TEXT_CHARS,
)
from gateway.errors import StorageError

_STEP_BYTES = 64 << 10


def check_xml(body: bytes, server: str) -> None:
    """Raise StorageError for XML that no S3 store needs; text that is no XML is left to the parser."""
    guard = _Guard(server)
    parser = expat.ParserCreate(namespace_separator="}")
    parser.CharacterDataHandler = guard.text
    parser.StartElementHandler, parser.EndElementHandler = guard.start, guard.end
    parser.StartDoctypeDeclHandler = guard.refuse_doctype
    for start in range(0, len(body), _STEP_BYTES):
        try:
            parser.Parse(body[start : start + _STEP_BYTES])
        except expat.ExpatError:
            return
        fed = min(start + _STEP_BYTES, len(body))
        if fed - parser.CurrentByteIndex > XML_TAG_BYTES:
            raise guard.error(f"a tag of more than {XML_TAG_BYTES} bytes")


def error_body(body: bytes, server: str) -> bytes:
    """Return an error's body; nothing of a long page or one of another kind, whose status has to do."""
    if len(body) > ERROR_BYTES:
        return b""
    try:
        check_xml(body, server)
    except StorageError:
        return b""
    return body


class _Guard:
    """Counts the nodes and the depth of a document, and the characters of names and texts."""

    def __init__(self, server: str) -> None:
        self._server, self._depth, self._nodes, self._text = server, 0, 0, 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._text = 0
        self._nodes += 1 + len(attributes)
        if self._depth > XML_DEPTH:
            raise self.error(f"XML that is more than {XML_DEPTH} elements deep")
        if self._nodes > XML_NODES:
            raise self.error(f"XML of more than {XML_NODES} elements and attributes")
        if max(map(len, (name, *attributes))) > XML_NAME_CHARS:
            raise self.error(f"an XML name of more than {XML_NAME_CHARS} characters with its namespace")

    def end(self, _: str) -> None:
        self._depth -= 1
        self._text = 0

    def text(self, text: str) -> None:
        self._text += len(text)
        if self._text > XML_TEXT_CHARS:
            raise self.error(f"an XML element of more than {XML_TEXT_CHARS} characters")

    def refuse_doctype(self, *_: object) -> None:
        raise self.error("XML with a document type")

    def error(self, found: str) -> StorageError:
        """Return the error for an answer of that kind."""
        return StorageError(f"{self._server} answers with {found}, as no S3 store does: check endpoint")
