"""The ways in which a file of an attempt can be something else than its reader expects."""

import json
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

GIB = 1 << 30
DEEP = b"[" * 100_000
NAIVE = re.compile(r"^(\d{4}-\d\d-\d\dT.*)(?:Z|\+00:00)$")
Poison = Callable[[Path], object]


def _write(text: bytes) -> Poison:
    return lambda path: path.write_bytes(text)


def _special(kind: int, device: int = 0) -> Poison:
    return lambda path: os.mknod(path, kind | 0o600, device)


def _sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, GIB)


def _unreadable(path: Path) -> None:
    path.touch()
    path.chmod(0)


KINDS: dict[str, Poison] = {
    "missing": lambda _path: None,
    "a folder": Path.mkdir,
    "a full folder": lambda path: (path / "x").mkdir(parents=True),
    "a pipe": os.mkfifo,
    "a socket": _special(stat.S_IFSOCK),
    "1 GB": _sparse,
    "a link to a file": lambda path: path.symlink_to("/etc/hostname"),
    "a link to itself": lambda path: path.symlink_to(path),
    "a link to an endless device": lambda path: path.symlink_to("/dev/zero"),
    "a link to nothing": lambda path: path.symlink_to("nothing"),
}
if os.geteuid() == 0:
    KINDS["a device"] = _special(stat.S_IFCHR, os.makedev(1, 5))
else:
    KINDS["no permission"] = _unreadable
CONTENTS = {
    name: _write(text)
    for name, text in {
        "empty": b"",
        "a list": b"[]",
        "an object": b"{}",
        "a number": b"7",
        "a text": b'"x"',
        "nothing": b"null",
        "half": b'{"exit_code": 0, "signal": nul',
        "invalid UTF-8": b'{"exit_code": "\xff\xfe"}',
        "a lone surrogate": b'["\\ud800"]',
        "NUL": b"\0" * 100,
        "deep JSON": DEEP,
        "deep objects": b'{"a":' * 50_000,
        "a long number": b"9" * 100_000,
    }.items()
}
KINDS |= CONTENTS

# Changes of every leaf of a document that was right.
CHANGES: dict[str, Callable[[Any], Any]] = {
    "texts for numbers": lambda leaf: str(leaf) if _is_number(leaf) else leaf,
    "numbers for texts": lambda leaf: 7 if isinstance(leaf, str) else leaf,
    "not a number": lambda leaf: float("nan") if _is_number(leaf) else leaf,
    "infinity": lambda leaf: float("inf") if _is_number(leaf) else leaf,
    "10^25": lambda leaf: 10**25 if _is_number(leaf) else leaf,
    "negative": lambda leaf: -1 if _is_number(leaf) else leaf,
    "truth values": lambda leaf: True if _is_number(leaf) else leaf,
    "fractions": lambda leaf: 0.5 if _is_number(leaf) else leaf,
    "naive times": lambda leaf: NAIVE.sub(r"\1", leaf) if isinstance(leaf, str) else leaf,
    "times before the epoch": lambda leaf: (
        NAIVE.sub("0001-01-01T00:00:00+23:59", leaf) if isinstance(leaf, str) else leaf
    ),
    "control characters": lambda leaf: f"{leaf}\0\x1b[31m\n" if isinstance(leaf, str) else leaf,
    "long texts": lambda leaf: leaf + "x" * 100_000 if isinstance(leaf, str) else leaf,
}


def _is_number(leaf: object) -> bool:
    return isinstance(leaf, int | float) and not isinstance(leaf, bool)


def _changed(document: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(document, dict):
        return {key: _changed(value, change) for key, value in document.items()}
    if isinstance(document, list):
        return [_changed(value, change) for value in document]
    return change(document)


def kinds_of(name: str) -> list[str]:
    """Return the names of all ways to poison a file of that name."""
    return [*KINDS, *(CHANGES if name.endswith(".json") else ())]


def poison(path: Path, kind: str) -> None:
    """Put something else in the place of the file; its folder may have to be made."""
    text = path.read_bytes() if path.is_file() and kind in CHANGES else b"[]"
    path.unlink(missing_ok=True)
    if kind in CHANGES:
        path.write_text(json.dumps(_changed(json.loads(text), CHANGES[kind])))
    else:
        KINDS[kind](path)
