"""Paths from clients: normalised and confined to the allowed roots, by their text alone."""

import os.path
from collections.abc import Sequence
from pathlib import PurePosixPath

from gateway.errors import Invalid

HOME = "${HOME}"
LONGEST_BYTES = 4095  # of a path for the kernel; the folders of a longer one can be made and not be read


def confine(text: str, home: PurePosixPath, roots: Sequence[PurePosixPath], field: str) -> PurePosixPath:
    """Return the absolute, normalised path on the cluster for the path of a request.

    A relative path starts at `home`; `${HOME}` at the start is replaced here and never by a shell.
    The filesystem itself refuses links that leave the roots, and missing permissions.

    Raises
    ------
    Invalid
        When the text is empty, has a NUL, is too long, or leaves every root.
    """
    if not text.strip():
        raise Invalid("a path is needed", field=field)
    if "\0" in text:
        raise Invalid("a path cannot hold a NUL character", field=field)
    expanded = f"{home}{text.removeprefix(HOME)}" if text == HOME or text.startswith(f"{HOME}/") else text
    path = PurePosixPath(os.path.normpath(home / expanded))
    if len(str(path).encode(errors="surrogatepass")) > LONGEST_BYTES:
        raise Invalid(f"a path can have at most {LONGEST_BYTES} bytes: shorten it", field=field)
    if not any(path.is_relative_to(root) for root in roots):
        allowed = ", ".join(str(root) for root in roots)
        raise Invalid(f"{text!r} leaves the folders that are allowed here ({allowed})", field=field)
    return path


def join_below(prefix: PurePosixPath, text: str) -> str:
    """Join two paths as text and normalise, so that a leading `/` never means the filesystem's root."""
    return os.path.normpath(f"{prefix}/{text}")


def client_path(path: PurePosixPath, home: PurePosixPath) -> str:
    """Return the path as clients write it: relative to the home when it lies below the home."""
    return str(path.relative_to(home) if path.is_relative_to(home) else path)
