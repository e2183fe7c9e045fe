"""Addresses of the console's own pages, to which a reader returns after a sign-in or an error."""

import re
from urllib.parse import urlsplit

from fastapi import Request

LONGEST = 2000
_OWN_PAGE = re.compile(r"/(console/[^\\\x00-\x20]*)?")


def own_page(path: str) -> str:
    """Return the path if it is one of the console's pages, else the first page."""
    return path if len(path) <= LONGEST and _OWN_PAGE.fullmatch(path) else "/"


def page_before(request: Request, root: str) -> str:
    """Return the page of the console that sent a form or asks for a part of itself, else the first page."""
    told = request.headers.get("hx-current-url") or request.headers.get("referer", "")
    try:
        address = urlsplit(told)
    except ValueError:
        return "/"
    if address.netloc != request.url.netloc or not address.path.startswith(f"{root}/"):
        return "/"
    query = f"?{address.query}" if address.query else ""
    return own_page(address.path.removeprefix(root) + query)
