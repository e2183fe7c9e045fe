"""Looking for a secret in everything that a stack keeps, writes, sends or starts."""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import psutil
import psycopg
from redis import Redis


def spellings(secret: str) -> list[bytes]:
    """Return the secret as it would look in text, JSON, a URL, and in base64 at any offset."""
    texts = {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    texts |= {quote(secret), quote(secret, safe=""), quote_plus(secret), repr(secret)[1:-1]}
    return [*(text.encode() for text in texts), *_in_base64(secret.encode())]


def _in_base64(data: bytes) -> Iterator[bytes]:
    """Yield the part of each encoding that does not depend on what stands before and after."""
    for offset in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(b"\0" * offset + data)
            start = -(-offset * 4 // 3)
            yield encoded[start : len(encoded) // 4 * 4 - 4]


def in_files(folder: Path, needles: list[bytes]) -> list[str]:
    """Return the files below the folder that hold one of the needles in content or name."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return [str(path) for path in files if _holds(path.read_bytes() + bytes(path), needles)]


def dump(database_url: str, path: Path) -> None:
    """Write every row of a PostgreSQL database to a file; SQLite's is one already."""
    with psycopg.connect(database_url.replace("+psycopg", "")) as connection, path.open("wb") as file:
        for (table,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
            with connection.cursor().copy(f'COPY "{table}" TO STDOUT') as rows:
                file.writelines(rows)


def in_redis(server: Redis, needles: list[bytes]) -> tuple[list[str], bytes]:
    """Return the keys that hold a needle, and all that was looked through."""
    everything = {key: bytes(key) + _value(server, key) for key in _keys(server)}
    found = [key.decode() for key, value in everything.items() if _holds(value, needles)]
    return found, b"\n".join(everything.values())


def _keys(server: Any) -> list[bytes]:
    keys: list[bytes] = server.keys()
    return keys


def _value(server: Any, key: bytes) -> bytes:
    """Read a key of any type, and base64 in it decoded as well: Celery hides bodies so."""
    kind = server.type(key)
    read: Callable[[], list[bytes | None]] = {
        b"string": lambda: [server.get(key)],
        b"list": lambda: server.lrange(key, 0, -1),
        b"set": lambda: list(server.smembers(key)),
        b"hash": lambda: [word for pair in server.hgetall(key).items() for word in pair],
        b"zset": lambda: server.zrange(key, 0, -1),
        b"stream": lambda: [repr(server.xrange(key)).encode()],
        b"none": list,  # it has expired since its name was read
    }[kind]
    values = [value for value in read() if value is not None]
    return b"\n".join([*values, *filter(None, map(_body, values))])


def _body(value: bytes) -> bytes:
    try:
        document = json.loads(value)
        message = document[0] if isinstance(document, list) else document
        return base64.b64decode(message["body"])
    except (ValueError, KeyError, TypeError, IndexError):
        return b""


def in_processes(root: psutil.Process, needles: list[bytes]) -> tuple[list[str], int]:
    """Return the processes below the root that were given a needle, and how many were looked at."""
    found, looked = [], 0
    for process in root.children(recursive=True):
        folder = Path(f"/proc/{process.pid}")
        try:
            given = _readable(folder / "environ") + (folder / "cmdline").read_bytes()
        except OSError:
            continue
        looked += 1
        if _holds(given, needles):
            found.append(f"{process.pid}: {process.name()}")
    return found, looked


def _readable(path: Path) -> bytes:
    """Read a file, or nothing where the process lets none but root read it."""
    try:
        return path.read_bytes()
    except PermissionError:
        return b""


def _holds(data: bytes, needles: list[bytes]) -> bool:
    return any(needle in data for needle in needles)
