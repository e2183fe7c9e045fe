"""Owner names: the check of a name, and the folder name that belongs to it."""

import hashlib
from string import ascii_lowercase, digits

from gateway.errors import Invalid

LONGEST = 255
_LONGEST_SEGMENT = 200  # of 255 that a filesystem allows
_PLAIN = frozenset((ascii_lowercase + digits).encode())
_PLAIN_INSIDE = _PLAIN | frozenset(b".-")


def check_owner(name: str) -> str:
    """Return the owner's name, or raise Invalid, because logs and folders are named after it."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise Invalid("the name is not valid Unicode", field="owner") from None
    if not name.isprintable() or not name.strip() or len(name) > LONGEST:
        raise Invalid(f"1 to {LONGEST} printable characters, not only spaces", field="owner")
    return name


def owner_folder_name(owner: str) -> str:
    """Return the name of the owner's folder; no two owners share one, on any filesystem.

    Each byte of UTF-8 other than lower-case ASCII letters, digits, `.` and `-` becomes `_` and two
    hexadecimal digits, and so do `.` and `-` at the start. So no name has a meaning for a shell, a
    scheduler or as `..`, nor for a filesystem that ignores case or composes letters. A name that gets
    too long becomes its digest behind `__`, which no other name begins with.
    """
    encoded = "".join(_encode_byte(byte, is_first=n == 0) for n, byte in enumerate(owner.encode()))
    if not encoded:
        raise Invalid("a name is needed", field="owner")
    if len(encoded) > _LONGEST_SEGMENT:
        return f"__{hashlib.sha256(owner.encode()).hexdigest()}"
    return encoded


def _encode_byte(byte: int, *, is_first: bool) -> str:
    return chr(byte) if byte in (_PLAIN if is_first else _PLAIN_INSIDE) else f"_{byte:02x}"
