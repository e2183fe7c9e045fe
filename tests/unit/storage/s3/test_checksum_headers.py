"""The checksums in a store's headers: of the whole object, of its parts, or of neither."""

import base64

import pytest

from gateway.storage.s3.checksum_headers import has_strong_checksum, object_checksums, part_checksums

MD5 = "9e107d9d372bb6826bd81d3542a419d6"
ETAG, PARTS_ETAG = f'"{MD5}"', f'"{MD5}-3"'


def _b64(text: str) -> str:
    return base64.b64encode(bytes.fromhex(text)).decode()


@pytest.mark.parametrize(
    ("headers", "whole", "of_parts"),
    [
        ({}, {}, {}),
        ({"etag": '"anything"'}, {}, {}),
        ({"etag": ETAG}, {"md5": MD5}, {}),
        ({"x-goog-hash": f"crc32c={_b64('e3069283')}, md5=AA=="}, {"crc32c": "e3069283"}, {}),
        ({"x-goog-hash": "crc32c=AAAA"}, {}, {}),
        ({"x-goog-hash": f"crc32c={_b64('e3069283')}", "x-goog-stored-content-encoding": "gzip"}, {}, {}),
        ({"etag": ETAG.upper()}, {"md5": MD5}, {}),
        ({"etag": PARTS_ETAG.upper()}, {}, {"md5-parts": f"{MD5}-3"}),
        ({"etag": ETAG, "x-goog-stored-content-encoding": "gzip"}, {}, {}),
        ({"etag": PARTS_ETAG, "warning": "214 - transformed"}, {}, {}),
        (
            {"etag": ETAG, "x-goog-stored-content-encoding": "gzip", "content-encoding": "gzip"},
            {"md5": MD5},
            {},
        ),
        ({"etag": ETAG, "x-goog-stored-content-encoding": "identity"}, {"md5": MD5}, {}),
        ({"etag": ETAG, "x-amz-server-side-encryption": "AES256"}, {"md5": MD5}, {}),
        ({"etag": ETAG, "x-amz-server-side-encryption": "aws:kms"}, {}, {}),
        ({"etag": ETAG, "x-amz-server-side-encryption-customer-algorithm": "AES256"}, {}, {}),
        ({"etag": ETAG, "x-amz-server-side-encryption": "aws:kms:dsse"}, {}, {}),
        ({"etag": PARTS_ETAG, "x-amz-server-side-encryption": "aws:kms"}, {}, {}),
        ({"etag": PARTS_ETAG, "x-amz-server-side-encryption-customer-algorithm": "AES256"}, {}, {}),
        (
            {
                "etag": PARTS_ETAG,
                "x-amz-checksum-crc32": f"{_b64('e3069283')}-3",
                "x-amz-server-side-encryption": "aws:kms",
            },
            {},
            {"crc32-parts": "e3069283-3"},
        ),
        ({"etag": PARTS_ETAG}, {}, {"md5-parts": f"{MD5}-3"}),
        ({"x-amz-checksum-crc32c": _b64("e3069283")}, {"crc32c": "e3069283"}, {}),
        (
            {
                "etag": PARTS_ETAG,
                "x-amz-checksum-crc32c": f"{_b64('e3069283')}-3",
                "x-amz-checksum-type": "COMPOSITE",
            },
            {},
            {"crc32c-parts": "e3069283-3", "md5-parts": f"{MD5}-3"},
        ),
        (
            {
                "etag": PARTS_ETAG,
                "x-amz-checksum-crc32c": _b64("e3069283"),
                "x-amz-checksum-type": "FULL_OBJECT",
            },
            {"crc32c": "e3069283"},
            {"md5-parts": f"{MD5}-3"},
        ),
        ({"etag": PARTS_ETAG, "x-amz-checksum-crc32c": _b64("e3069283")}, {}, {"md5-parts": f"{MD5}-3"}),
        (
            {"etag": PARTS_ETAG, "x-amz-checksum-crc64nvme": _b64("ae8b14860a799888")},  # never of parts
            {"crc64nvme": "ae8b14860a799888"},
            {"md5-parts": f"{MD5}-3"},
        ),
        ({"x-amz-checksum-sha256": f"{_b64('ab' * 32)}-2"}, {}, {"sha256-parts": "ab" * 32 + "-2"}),
        ({"x-amz-checksum-sha1": f"{_b64('cd' * 20)}-2"}, {}, {"sha1-parts": "cd" * 20 + "-2"}),
        ({"x-amz-checksum-crc64nvme": _b64("e3069283")}, {}, {}),  # as moto gives it that cannot compute it
        ({"x-amz-checksum-sha256": f"{_b64('ab' * 31)}-2"}, {}, {}),
        ({"x-amz-checksum-sha1": "no base64", "x-amz-checksum-crc32": "", "etag": ETAG}, {"md5": MD5}, {}),
    ],
)
def test_what_is_offered(headers: dict[str, str], whole: dict[str, str], of_parts: dict[str, str]) -> None:
    assert object_checksums(headers) == whole
    assert part_checksums(headers) == of_parts


def test_one_request_more_is_not_made_for_a_weaker_checksum() -> None:
    assert has_strong_checksum({"crc64nvme": "x"})
    assert not has_strong_checksum({"crc32c": "x", "md5": "x"})
