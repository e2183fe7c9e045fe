"""Signing in with an API key, and out; the key is needed once, then the browser has a session."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from api.console.forms import Form
from api.console.own_pages import own_page
from api.console.pages import PageRoute, page, see_other
from api.console.visitors import Visitor, set_cookie
from api.cross_site import is_loopback_name
from api.deps import find_key
from gateway.accounts import api_keys, sessions
from gateway.accounts.failed_keys import failed_keys
from gateway.callers import Caller
from gateway.db import session_scope
from gateway.errors import Forbidden, Invalid, TooMany, Unauthorized
from gateway.models import ApiKey
from gateway.settings import get_settings

NEEDS_TLS = "This page came over plain http, so that others on the way could read a key. Open it over https."
router = APIRouter(include_in_schema=False, route_class=PageRoute)
Next = Annotated[str, Query(alias="next")]


@router.get("/console/sign-in")
async def show_sign_in(request: Request, following: Next = "/") -> Response:
    """Show the form of the key, or the way to the OpenID provider."""
    visitor: Visitor = request.state.visitor
    if visitor.caller is not None:
        return see_other(request, own_page(following))
    return show_form(request, following)


@router.post("/console/sign-in")
async def sign_in(request: Request, form: Form) -> Response:
    """Open a session for a valid key; the browser gets a new token."""
    if get_settings().auth != "keys":
        raise Invalid("this gateway takes no API keys: GATEWAY_AUTH is not keys")
    need_private(request)
    try:
        key = await _find_key_of_stranger(request, form.text("key"))
    except Unauthorized as error:
        return show_form(request, form.text("next"), 401, error.detail)
    except TooMany as error:
        return show_form(request, form.text("next"), 429, error.detail)
    caller = api_keys.caller_of_key(key)
    return await begin_session(request, caller, key, form.text("next"))


async def _find_key_of_stranger(request: Request, text: str) -> ApiKey:
    """Return the valid key of a text; wrong ones are counted by address."""
    address = request.client.host if request.client else ""
    failures = failed_keys(get_settings().redis_url.get_secret_value())
    await failures.count_try(address)
    key = await find_key(text)
    await failures.take_back(address)
    return key


async def begin_session(request: Request, caller: Caller, key: ApiKey | None, following: str) -> Response:
    """Replace the browser's token by that of a new session, and show the page that was asked for."""
    visitor: Visitor = request.state.visitor
    token = await run_in_threadpool(_open, visitor.token, caller, key)
    response = see_other(request, own_page(following))
    set_cookie(response, token)
    return response


def _open(before: str, caller: Caller, key: ApiKey | None) -> str:
    with session_scope() as session:
        sessions.close_session(session, before)
        return sessions.open_session(session, caller, key)


@router.post("/console/sign-out")
async def sign_out(request: Request) -> Response:
    """End the session and give the browser a token that stands for none."""
    visitor: Visitor = request.state.visitor
    await run_in_threadpool(_close, visitor.token)
    response = see_other(request, "/console/sign-in")
    set_cookie(response, sessions.new_token())
    return response


def _close(token: str) -> None:
    with session_scope() as session:
        sessions.close_session(session, token)


def show_form(request: Request, following: str, status: int = 200, problem: str = "") -> Response:
    """Return the sign-in page, with the reason when a sign-in failed."""
    settings = get_settings()
    return page(
        request,
        "sign_in.html",
        status,
        auth=settings.auth,
        is_private=is_private(request),
        needs_tls=NEEDS_TLS,
        following=own_page(following),
        problem=problem,
    )


def need_private(request: Request) -> None:
    """Raise Forbidden for a request whose secrets others on the way could read."""
    if not is_private(request):
        raise Forbidden(NEEDS_TLS)


def is_private(request: Request) -> bool:
    """Tell whether the request is safe from readers on the way: it came by TLS, or from this machine."""
    return request.url.scheme == "https" or is_loopback_name(request.url.hostname or "")
