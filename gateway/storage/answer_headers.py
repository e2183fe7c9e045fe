"""Headers of an answer that describe a file: its version, the end of its body, and the form that it is in."""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple, Self

_STORED_CODING = "x-goog-stored-content-encoding"


class Description(NamedTuple):
    """Size, ETag and time of the last change of a file, as one answer gives them."""

    size: int | None
    etag: str
    modified: str

    @classmethod
    def read(cls, headers: Mapping[str, str], size: int | None) -> Self:
        """Return the description in the headers of an answer."""
        return cls(size, headers.get("etag", ""), headers.get("last-modified", ""))

    def repeats(self, before: Self | None) -> bool:
        """Return whether the file is described as before, but for an ETag of the answer's own."""
        if before is None or self.size != before.size:
            return False
        return self.modified == before.modified if self.modified else self.etag == before.etag != ""


def content_version(headers: Mapping[str, str]) -> str:
    """Return the version of a content: a strong ETag, or else the time of the last change."""
    etag = headers.get("etag", "")
    return headers.get("last-modified", "") if etag[:2].upper() == "W/" or not etag else etag


def told_range(headers: Mapping[str, str]) -> tuple[int, int] | None:
    """Return the first and the last byte of the part that an answer holds; some servers write `=`."""
    text = headers.get("content-range", "")
    found = re.match(r"bytes[ =]\s*([0-9]{1,20})-([0-9]{1,20})/", text, re.IGNORECASE)
    return (int(found[1]), int(found[2])) if found else None


def is_delimited(headers: Mapping[str, str]) -> bool:
    """Return whether the body has an end of its own, and does not just end with the connection."""
    return "content-length" in headers or "chunked" in headers.get("transfer-encoding", "").lower()


def is_transformed(headers: Mapping[str, str]) -> bool:
    """Return whether the body has other bytes than the stored file, as where GCS unpacks it on its way."""
    stored = headers.get(_STORED_CODING, "identity")
    is_unpacked = stored not in {"identity", headers.get("content-encoding", "")}
    return is_unpacked or headers.get("warning", "").startswith("214 ")


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds after which a busy server wants to be asked again; None where it does not say."""
    told = headers.get("retry-after", "")
    if re.fullmatch(r"[0-9]{1,9}", told):
        return float(told)
    with suppress(ValueError, TypeError, OverflowError):  # the second of a date without its zone
        return (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds()
    return None


def packing_warnings(headers: Mapping[str, str]) -> list[str]:
    """Return the warning for a body in a content coding; `aws-chunked` is the mark of a former upload."""
    codings = re.findall(r"[a-z-]+", headers.get("content-encoding", "")[:100].lower())
    packed = [coding for coding in codings if coding not in {"aws-chunked", "identity"}]
    if not packed:
        return []
    found = f"the file is packed (Content-Encoding: {', '.join(packed)}) and was kept as it came"
    return [f"{found}: unpack it, or store it without that header"]


def page_warnings(headers: Mapping[str, str], name: str) -> list[str]:
    """Return the warning for a web page in place of a file: a login page, or the console of a store."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    is_page = kind in {"text/html", "application/xhtml+xml"} and "content-disposition" not in headers
    if not is_page or re.search(r"\.x?html?$", name, re.IGNORECASE):
        return []
    return [f"the server calls it a web page ({kind}): check that the address leads to the file itself"]
