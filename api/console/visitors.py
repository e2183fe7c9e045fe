"""Visitors of the console: the cookie of a browser, the caller whom its session stands for, its form token.

The cookie holds a random token. A sign-in alone records a token, and it gives a new one: a token that another
site planted stands for no session. The token of forms is an HMAC of the cookie's under the gateway's keys.
"""

import hmac
import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from api.deps import read
from gateway import callers
from gateway.accounts import sessions
from gateway.callers import Scope
from gateway.db import session_scope
from gateway.encryption import fingerprints
from gateway.errors import Unauthorized
from gateway.settings import get_settings

COOKIE = "__Host-hpc_gateway"
COOKIE_WITHOUT_ACCOUNTS = "hpc_gateway"  # it stands for no rights, and http://127.0.0.1 may set it everywhere
_FORM = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class Visitor:
    """A browser, and the caller for whom it acts; None before a sign-in."""

    token: str
    is_new: bool
    caller: callers.Caller | None

    @property
    def form_tokens(self) -> list[str]:
        """The tokens that its forms may carry, the present one first."""
        return fingerprints(b"console form " + self.token.encode())

    def owns_form(self, token: str) -> bool:
        """Tell whether a form that carries the token came from a page of this visitor."""
        return any(hmac.compare_digest(token.encode(), known.encode()) for known in self.form_tokens)


STRANGER = Visitor("", is_new=False, caller=None)
"""A browser of which nothing is known yet; an error page for it leaves its cookie as it is."""


async def recognise(request: Request) -> Visitor:
    """Return the visitor of a request; a cookie of another form counts as none."""
    token = request.cookies.get(_cookie_name(), "")
    is_known = _FORM.fullmatch(token) is not None
    token = token if is_known else sessions.new_token()
    if get_settings().auth == "none":
        return Visitor(token, not is_known, callers.LOCAL)
    caller = await run_in_threadpool(_caller_of, token) if is_known else None
    return Visitor(token, not is_known, caller)


def _caller_of(token: str) -> callers.Caller | None:
    row = read(lambda session: sessions.find_session(session, token))
    if row is None:
        return None
    if sessions.is_session_use_outdated(row):
        with session_scope() as session:
            sessions.record_session_use(session, row.digest)
    return read(lambda session: sessions.caller_of_session(session, row))


def set_cookie(response: Response, token: str) -> None:
    """Give the browser a token; pages of other sites neither read it nor send it with a form."""
    is_secure = get_settings().auth != "none"
    age = int(sessions.LONGEST.total_seconds())
    response.set_cookie(_cookie_name(), token, age, secure=is_secure, httponly=True, samesite="lax")


def _cookie_name() -> str:
    return COOKIE_WITHOUT_ACCOUNTS if get_settings().auth == "none" else COOKIE


async def _signed_in(request: Request) -> callers.Caller:
    visitor: Visitor = request.state.visitor
    if visitor.caller is None:
        raise Unauthorized("sign in first")
    return visitor.caller


SignedIn = Annotated[callers.Caller, Depends(_signed_in)]


async def _signed_in_operator(caller: SignedIn) -> callers.Caller:
    caller.need(Scope.OPERATOR)
    return caller


SignedInOperator = Annotated[callers.Caller, Depends(_signed_in_operator)]
