"""Packed previews, as the database keeps them."""

import zlib

from gateway.previews.preview import FILE_BYTES


def pack_preview(preview: bytes) -> bytes:
    """Return the preview packed."""
    return zlib.compress(preview, 1)


def unpack_preview(packed: bytes) -> bytes:
    """Return the packed preview, at most one byte more than a preview may have."""
    return zlib.decompressobj().decompress(packed, FILE_BYTES + 1)
