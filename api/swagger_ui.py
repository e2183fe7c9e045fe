"""Swagger UI at `/docs` and `/ui`: pages and assets of this service, which load nothing from other hosts.

The assets are the files of `swagger-ui-dist`, which the wheel of fastapi-offline carries unchanged. The pages
have no inline script, so that their Content-Security-Policy allows scripts of this service alone.
"""

from html import escape
from importlib import resources
from pathlib import Path
from string import Template

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from gateway.errors import NotFound

router = APIRouter(include_in_schema=False)
FOLDER = Path(str(resources.files("fastapi_offline"))) / "static"
ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}
# React sets styles on elements; the style sheet holds its pictures as data: URLs.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<link rel="stylesheet" href="$root/docs/assets/swagger-ui.css">
<link rel="icon" href="$root/docs/assets/favicon.png">
</head>
<body>
<div id="swagger-ui" data-document="$root/openapi.json"></div>
<script src="$root/docs/assets/swagger-ui-bundle.js"></script>
<script src="$root/docs/assets/start.js"></script>
</body>
</html>
""")
# Without `validatorUrl: null`, Swagger UI sends the document's address to its makers' validator.
START = """SwaggerUIBundle({
  url: document.getElementById("swagger-ui").dataset.document,
  dom_id: "#swagger-ui",
  layout: "BaseLayout",
  deepLinking: true,
  showExtensions: true,
  showCommonExtensions: true,
  validatorUrl: null,
});
"""


@router.get("/docs")
@router.get("/ui")
def show_swagger_ui(request: Request) -> HTMLResponse:
    """Serve Swagger UI, at FastAPI's path and at the first generation's."""
    root = escape(request.scope.get("root_path", "").rstrip("/"))
    page = PAGE.substitute(root=root, title=escape(request.app.title))
    return HTMLResponse(page, headers=HEADERS)


@router.get("/docs/assets/start.js")
def start_swagger_ui() -> Response:
    """Serve the script that starts Swagger UI."""
    return Response(START, media_type="text/javascript", headers=HEADERS)


@router.get("/docs/assets/{name}")
def send_asset(name: str) -> FileResponse:
    """Serve a file of Swagger UI."""
    if name not in ASSETS:
        raise NotFound(f"{name!r} is no file of Swagger UI")
    return FileResponse(FOLDER / name, media_type=ASSETS[name], headers=HEADERS)
