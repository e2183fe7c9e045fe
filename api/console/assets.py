"""The console's own style sheet and script, and the vendored htmx and uPlot: all from memory, packed once."""

import gzip
import hashlib
from functools import lru_cache
from importlib import resources
from pathlib import Path

from fastapi import APIRouter, Request, Response

from api.console.headers import protect
from gateway.errors import NotFound

FOLDER = Path(str(resources.files("api.console"))) / "static"
TYPES = {
    "console.css": "text/css",
    "console.js": "text/javascript",
    "icon.svg": "image/svg+xml",
    "plots.js": "text/javascript",
    "uploads.js": "text/javascript",
    "vendor/htmx.LICENSE.txt": "text/plain",
    "vendor/htmx.min.js": "text/javascript",
    "vendor/uplot.LICENSE.txt": "text/plain",
    "vendor/uplot.min.css": "text/css",
    "vendor/uplot.min.js": "text/javascript",
}
FOREVER = "public, max-age=31536000, immutable"
router = APIRouter(include_in_schema=False)


@lru_cache
def assets_version() -> str:
    """Return a digest of all files: pages name it in their addresses, so that browsers may keep the files."""
    digest = hashlib.sha256()
    for name in TYPES:
        digest.update(_content(name))
    return digest.hexdigest()[:12]


@lru_cache
def _content(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


@lru_cache
def _packed(name: str) -> bytes:
    return gzip.compress(_content(name), mtime=0)


@router.get("/console/static/{version}/{name:path}")
async def send_console_file(request: Request, version: str, name: str) -> Response:
    """Send a file, with its version as part of the address."""
    if name not in TYPES:
        raise NotFound(f"{name!r} is no file of the console")
    is_packed = "gzip" in request.headers.get("accept-encoding", "")
    response = Response(_packed(name) if is_packed else _content(name), media_type=TYPES[name])
    if is_packed:
        response.headers["Content-Encoding"] = "gzip"
    is_present = version == assets_version()  # else another version of the API process made the page
    kept = {"Cache-Control": FOREVER if is_present else "no-cache", "Vary": "Accept-Encoding"}
    response.headers.update(kept)
    protect(response)
    return response
