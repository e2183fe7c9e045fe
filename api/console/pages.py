"""Pages of the console: the templates, and the route that knows the visitor and shows errors as pages."""

import logging
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from api.console.assets import assets_version
from api.console.formats import FILTERS
from api.console.forms import FIELD, check_form
from api.console.headers import protect
from api.console.own_pages import page_before
from api.console.visitors import STRANGER, Visitor, recognise, set_cookie
from api.cross_site import READS
from api.one_hop import OneHopRoute
from gateway.accounts.rate_limit import count_request
from gateway.cleaning import clean
from gateway.errors import GatewayError, Unauthorized
from gateway.settings import get_settings

_templates = Environment(
    loader=PackageLoader("api.console"),
    autoescape=True,
    auto_reload=False,  # an upgrade of the files must not mix with the code of a running process
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters |= FILTERS
_templates.globals["own_bucket"] = lambda: get_settings().store_bucket
DATABASE_AWAY = "The gateway's database is away. Nothing is lost: try again shortly."
SESSION_ENDED = "your session has ended: load the page again and sign in"
_log = logging.getLogger(__name__)
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Return the page of a template."""
    visitor: Visitor = request.state.visitor
    shown = {
        "root": root_of(request),
        "assets": f"{root_of(request)}/console/static/{assets_version()}",
        "caller": visitor.caller,
        "has_accounts": get_settings().auth != "none",
        "form_token": visitor.form_tokens[0],
        "form_token_name": FIELD,
    }
    return HTMLResponse(_templates.get_template(template).render(shown | values), status)


def root_of(request: Request) -> str:
    """Return the path below which the service lives, without a slash behind it."""
    root: str = request.scope.get("root_path", "")
    return root.rstrip("/")


def base_of(request: Request) -> str:
    """Return the URL of the service as this browser reaches it."""
    return f"{request.url.scheme}://{request.url.netloc}{root_of(request)}"


def see_other(request: Request, path: str, **query: str) -> RedirectResponse:
    """Return the redirect to a page of the console, after a form or to sign in."""
    words = f"?{urlencode(query)}" if query else ""
    return RedirectResponse(root_of(request) + quote(path, safe="/?=&%+") + words, HTTPStatus.SEE_OTHER)


class PageRoute(OneHopRoute):
    """A route of the console: it recognises the visitor, checks forms, and shows errors as pages."""

    def get_route_handler(self) -> Handler:
        """Return the handler that surrounds the endpoint's."""
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            request.state.visitor = STRANGER
            response = await _answer(request, answer)
            protect(response)
            visitor: Visitor = request.state.visitor
            if visitor.is_new and "set-cookie" not in response.headers:
                set_cookie(response, visitor.token)
            return response

        return handle


async def _answer(request: Request, answer: Handler) -> Response:
    try:
        visitor = request.state.visitor = await recognise(request)
        if request.method not in READS:
            await check_form(request, visitor)
            if visitor.caller is not None:
                await count_request(visitor.caller.owner)
        return await answer(request)
    except Unauthorized:
        return _to_sign_in(request)
    except GatewayError as error:
        return show_error(request, error.status, error.title, error.detail, error.retry_after_s)
    except RequestValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"][1:])
        return show_error(request, 400, "Invalid request", clean(f"{place}: {first['msg']}"))
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        _log.error("the database failed", exc_info=error)
        return show_error(request, 503, "Temporarily unavailable", DATABASE_AWAY, retry_after_s=5)
    except HTTPException:
        raise
    except Exception as error:  # noqa: BLE001  the log has the cause, and the reader a page
        _log.error("unexpected error", exc_info=error)
        return show_error(request, 500, "Internal error", "The gateway failed; its log has the cause.")


def _to_sign_in(request: Request) -> Response:
    """Send the browser to sign in and back to the page; a part of a page sends the whole page."""
    before = page_before(request, root_of(request))
    if "hx-request" in request.headers:
        there = f"{root_of(request)}/console/sign-in?{urlencode({'next': before})}"
        return PlainTextResponse(SESSION_ENDED, HTTPStatus.UNAUTHORIZED, {"HX-Redirect": there})
    here = request.url.path.removeprefix(root_of(request))
    query = f"?{request.url.query}" if request.url.query else ""
    return see_other(request, "/console/sign-in", next=here + query if request.method in READS else before)


def show_error(
    request: Request, status: int, title: str, detail: str, retry_after_s: float | None = None
) -> HTMLResponse:
    """Return the page of an error; within a page that updates itself, its sentence alone."""
    template = "parts/error.html" if "hx-request" in request.headers else "error.html"
    sent_by = "" if request.method in READS else page_before(request, root_of(request))
    response = page(request, template, status, title=title, detail=detail, sent_by=sent_by)
    if retry_after_s is not None:
        response.headers["Retry-After"] = str(max(1, round(retry_after_s)))
    return response
