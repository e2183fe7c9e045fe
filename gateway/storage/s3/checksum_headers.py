"""The checksums that a store offers for an object, read from the headers of its answer."""

import re
from base64 import b64decode
from collections.abc import Mapping

from gateway.egress.bounds import CHECKSUM_HEADER_BYTES
from gateway.storage.answer_headers import is_transformed

MULTIPART_ETAG = re.compile(r'"?([0-9a-f]{32}-([1-9][0-9]{0,4}))"?', re.IGNORECASE)  # OSS writes capitals
_MD5_ETAG = re.compile(r'"?([0-9a-f]{32})"?', re.IGNORECASE)  # of an object stored in one piece
_GOOGLE_CRC32C = re.compile(r"crc32c=([A-Za-z0-9+/]{1,20}=*)")
_ENCRYPTED = "x-amz-server-side-encryption"
_BYTES = {"sha256": 32, "sha1": 20, "crc64nvme": 8, "crc32c": 4, "crc32": 4}
_STRONG = frozenset({"sha256", "sha1", "crc64nvme"})
ETAG_HINTS = frozenset({"md5", "md5-parts"})  # that an ETag alone gives


def has_strong_checksum(checksums: Mapping[str, str]) -> bool:
    """Return whether a strong checksum is of the whole object.

    Without one, a checksum made of the parts' own is better, and worth one more request.
    """
    return not _STRONG.isdisjoint(checksums)


def object_checksums(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the checksums of the whole object, in hex; those of multipart uploads may be of the parts."""
    found: dict[str, str] = {}
    # Not every store sends the type: the checksum of a multipart upload is then of the parts.
    whole = "COMPOSITE" if MULTIPART_ETAG.fullmatch(headers.get("etag", "")) else "FULL_OBJECT"
    for name in _BYTES:
        digest, count = _value(headers, name)
        always_whole = name == "crc64nvme"
        is_whole = always_whole or headers.get("x-amz-checksum-type", whole) == "FULL_OBJECT"
        if digest and not count and is_whole:
            found[name] = digest.hex()
    md5 = etag_md5(headers)
    return _google_checksum(headers) | found | ({"md5": md5} if md5 else {})


def _google_checksum(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the CRC32C of the whole object that GCS gives, also of one that was made of others."""
    told = _GOOGLE_CRC32C.search(headers.get("x-goog-hash", "")[:CHECKSUM_HEADER_BYTES])
    digest = decode_checksum("crc32c", told[1]) if told and not is_transformed(headers) else None
    return {"crc32c": digest.hex()} if digest else {}


def part_checksums(headers: Mapping[str, str]) -> dict[str, str]:
    """Return, in hex and with the number of parts, the checksums that are made of the parts' own."""
    found: dict[str, str] = {}
    for name in _BYTES:
        digest, count = _value(headers, name)
        if digest and count:
            found[f"{name}-parts"] = f"{digest.hex()}-{count}"
    etag = MULTIPART_ETAG.fullmatch(headers.get("etag", ""))
    return found | ({"md5-parts": etag[1].lower()} if etag and not _is_of_other_bytes(headers) else {})


def etag_md5(headers: Mapping[str, str]) -> str | None:
    """Return the MD5 in hex where the ETag is one: neither made of parts nor of other bytes."""
    etag = _MD5_ETAG.fullmatch(headers.get("etag", ""))
    return etag[1].lower() if etag and not _is_of_other_bytes(headers) else None


def _is_of_other_bytes(headers: Mapping[str, str]) -> bool:
    """Return whether the ETag is of encrypted bytes, or of packed ones that the store has unpacked."""
    is_encrypted = headers.get(_ENCRYPTED, "").startswith("aws:kms")
    return is_encrypted or f"{_ENCRYPTED}-customer-algorithm" in headers or is_transformed(headers)


def _value(headers: Mapping[str, str], name: str) -> tuple[bytes | None, str]:
    """Return a checksum, and the number of parts that it is made of, empty where it is of the whole."""
    text = headers.get(f"x-amz-checksum-{name}")
    if text is None or len(text) > CHECKSUM_HEADER_BYTES:
        return None, ""
    value, _, count = text.partition("-")
    return decode_checksum(name, value), count


def decode_checksum(name: str, text: str) -> bytes | None:
    """Return a checksum that a store gives in base64; None where it has another length.

    Some stores name a checksum of 64 bits and send another.
    """
    try:
        digest = b64decode(text, validate=True)
    except ValueError:
        return None
    return digest if len(digest) == _BYTES[name] else None
