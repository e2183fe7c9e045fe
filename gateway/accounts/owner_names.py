"""Names of owners: which are accepted, and the one folder that belongs to each."""

import hashlib
from string import ascii_lowercase, digits

from gateway.errors import Invalid

LONGEST = 255
_LONGEST_SEGMENT = 200  # of 255 that a filesystem allows
_PLAIN = frozenset((ascii_lowercase + digits).encode())
_PLAIN_INSIDE = _PLAIN | frozenset(b".-")


def check_owner(name: str) -> str:
    """Return a name that can be an owner's, or raise Invalid: logs and folders are named after it."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise Invalid("the name is no valid text", field="owner") from None
    if not name.isprintable() or not name.strip() or len(name) > LONGEST:
        raise Invalid(f"1 to {LONGEST} printable characters, not only spaces", field="owner")
    return name


def folder_name(owner: str) -> str:
    """Return the name of the owner's folder: no two owners share one, on any filesystem.

    All but lower-case ASCII letters, digits, `.` and `-` becomes `_` and two hexadecimal digits for
    each byte of UTF-8, and so do `.` and `-` at the start. So there is nothing for a shell, a
    scheduler, `..`, or a filesystem that ignores case or composes letters. What gets too long is
    named by its digest behind `__`, which no other name begins with.
    """
    encoded = "".join(_encoded(byte, first=n == 0) for n, byte in enumerate(owner.encode()))
    if not encoded:
        raise Invalid("an owner has a name", field="owner")
    if len(encoded) > _LONGEST_SEGMENT:
        return f"__{hashlib.sha256(owner.encode()).hexdigest()}"
    return encoded


def _encoded(byte: int, *, first: bool) -> str:
    return chr(byte) if byte in (_PLAIN if first else _PLAIN_INSIDE) else f"_{byte:02x}"
