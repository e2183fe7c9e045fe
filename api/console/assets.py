"""The console's own style sheet and script, and the vendored htmx and uPlot."""

import hashlib
from functools import lru_cache
from importlib import resources
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

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
router = APIRouter(include_in_schema=False)


@lru_cache
def assets_version() -> str:
    """Return a digest of all files: pages name it in their addresses, so that browsers may keep the files."""
    digest = hashlib.sha256()
    for name in TYPES:
        digest.update((FOLDER / name).read_bytes())
    return digest.hexdigest()[:12]


@router.get("/console/static/{version}/{name:path}")
async def send_console_file(version: str, name: str) -> FileResponse:
    """Send a file, with its version as part of the address."""
    if name not in TYPES:
        raise NotFound(f"{name!r} is no file of the console")
    response = FileResponse(FOLDER / name, media_type=TYPES[name])
    is_present = version == assets_version()  # else another version of the API process made the page
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if is_present else "no-cache"
    protect(response)
    return response
