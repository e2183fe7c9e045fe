"""Signing in at an OpenID provider: the way there, and the return with a code.

A sealed cookie keeps state, verifier and the wanted page for ten minutes: the return counts in the browser
that began it, once.
"""

import json
import time
from hmac import compare_digest
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from api.console.own_pages import own_page
from api.console.pages import PageRoute, base_of
from api.console.sign_in import NEEDS_TLS, Next, begin_session, is_private, show_form
from api.deps import authenticate_oidc_token
from gateway.accounts import code_flow
from gateway.encryption import decrypt, encrypt
from gateway.errors import Forbidden, GatewayError, Invalid, Unauthorized
from gateway.settings import get_settings

COOKIE = "__Host-hpc_gateway_provider"
VALID_S = 600
RETURN = "/console/sign-in/return"
LONGEST = 4000
router = APIRouter(include_in_schema=False, route_class=PageRoute)
Text = Annotated[str, Query(max_length=LONGEST)]


@router.get("/console/sign-in/provider")
async def leave_for_provider(request: Request, following: Next = "/") -> Response:
    """Send the browser to the provider's page."""
    if get_settings().auth != "oidc":
        raise Invalid("this gateway has no OpenID provider: GATEWAY_AUTH is not oidc")
    if not is_private(request):
        raise Forbidden(NEEDS_TLS)
    start = await run_in_threadpool(code_flow.start_sign_in, base_of(request) + RETURN)
    kept = json.dumps([time.time() + VALID_S, start.state, start.verifier, own_page(following)])
    response = RedirectResponse(start.url, 303)
    response.set_cookie(COOKIE, encrypt(kept), VALID_S, secure=True, httponly=True, samesite="lax")
    return response


@router.get(RETURN)
async def come_back(request: Request, code: Text = "", state: Text = "", error: Text = "") -> Response:
    """Open a session for the caller whom the provider's token identifies."""
    try:
        known, verifier, following = _kept(request)
        if error or not code or not compare_digest(state.encode(), known.encode()):
            raise Unauthorized("the OpenID provider did not complete the sign-in: begin again")
        token = await run_in_threadpool(
            code_flow.fetch_access_token, base_of(request) + RETURN, code, verifier
        )
        caller = await authenticate_oidc_token(token)
        response = await begin_session(request, caller, None, following)
    except GatewayError as refusal:
        response = show_form(request, "/", refusal.status, refusal.detail)
    response.delete_cookie(COOKIE, secure=True, httponly=True, samesite="lax")
    return response


def _kept(request: Request) -> list[str]:
    """Return state, verifier and wanted page of the sign-in that this browser began."""
    try:
        kept: list[Any] = json.loads(decrypt(request.cookies[COOKIE]))
    except (KeyError, ValueError, GatewayError):
        kept = [0.0]
    if kept[0] < time.time():
        raise Unauthorized("this browser began no sign-in within the last ten minutes: begin again")
    return kept[1:]
