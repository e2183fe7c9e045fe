"""Client paths, judged by their text alone: normalised, and confined to the allowed roots."""

import os.path
from collections.abc import Sequence
from pathlib import PurePosixPath

from gateway.errors import Invalid

HOME = "${HOME}"


def confine(text: str, home: PurePosixPath, roots: Sequence[PurePosixPath], field: str) -> PurePosixPath:
    """Return the absolute, normalised path that `text` means on the cluster.

    A relative path is taken from `home`; `${HOME}` at the start is the home, expanded here and never by
    a shell. What only the cluster can tell (a symlink that leaves, permissions) is the site's to refuse.

    Raises
    ------
    Invalid
        When the text is empty, has a NUL, or leaves every root.
    """
    if not text.strip():
        raise Invalid("a path is needed", field=field)
    if "\0" in text:
        raise Invalid("a path cannot hold a NUL character", field=field)
    expanded = f"{home}{text.removeprefix(HOME)}" if text == HOME or text.startswith(f"{HOME}/") else text
    path = PurePosixPath(os.path.normpath(home / expanded))
    if not any(path.is_relative_to(root) for root in roots):
        allowed = ", ".join(str(root) for root in roots)
        raise Invalid(f"{text!r} leaves the folders that are allowed here ({allowed})", field=field)
    return path


def join_below(prefix: PurePosixPath, text: str) -> str:
    """Join as text and normalise, so that a leading `/` never means the filesystem's root."""
    return os.path.normpath(f"{prefix}/{text}")


def client_path(path: PurePosixPath, home: PurePosixPath) -> str:
    """Return the path as a client would write it: relative to the home where it lies below it."""
    return str(path.relative_to(home) if path.is_relative_to(home) else path)
