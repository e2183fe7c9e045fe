"""Absolute paths in place of relative ones: plain paths, SQLite's file in a URL, certificate files in URLs.

A relative path begins at the folder of the call; in another folder, a process would read another file.
"""

import re
from pathlib import Path
from urllib.parse import quote, unquote

# SQLAlchemy's `sqlite:///file`; neither an absolute path nor a database in memory matches.
_SQLITE = re.compile(
    r"(?P<head>sqlite(?:\+\w+)?:///(?:file:)?+)(?P<path>[^/:?][^?]*)(?P<query>.*)", re.DOTALL
)
# Files in the query of a URL: those of libpq and of redis-py. `system` is a word of libpq's.
_FILES = re.compile(
    r"(?<=[?&])(?P<name>sslrootcert|sslcert|sslkey|sslcrl|sslcrldir|passfile|ssl_ca_certs|ssl_ca_path|ssl_certfile"
    r"|ssl_keyfile)=(?!system(?:&|$))(?P<path>[^&]+)"
)


def absolute_url(url: str) -> str:
    """Return the URL of a database or a broker with absolute paths, or raise ValueError where it has none."""
    found = _SQLITE.fullmatch(url)
    if found is None:
        return _FILES.sub(_absolute_file, url)
    path = str(Path(found["path"]).absolute())
    if "?" in path:
        raise ValueError("the folder's name has a '?', which a URL cannot hold: call it from another folder")
    return found["head"] + path + (found["query"] or "")


def files_of_url(url: str) -> list[str]:
    """Return the certificate, key and password files that a URL names in its query."""
    return [unquote(found["path"]) for found in _FILES.finditer(url)]


def _absolute_file(found: re.Match[str]) -> str:
    return f"{found['name']}={quote(str(Path(unquote(found['path'])).absolute()))}"
