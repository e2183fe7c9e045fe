"""Tokens of open streams: a key that is revoked, or a token that has expired, ends its streams."""

import logging
from collections.abc import Collection

from fastapi import Request
from sqlalchemy.exc import SQLAlchemyError

from gateway.accounts import api_keys, oidc
from gateway.accounts.bearer import bearer_token
from gateway.db import session_scope
from gateway.errors import Forbidden, Unauthorized
from gateway.settings import get_settings

_log = logging.getLogger(__name__)


def token_of(request: Request) -> str | None:
    """Return the token of an authenticated request; None without accounts."""
    if get_settings().auth == "none":
        return None
    return bearer_token(request.headers.getlist("authorization"))


def find_refused(tokens: Collection[str]) -> set[str]:
    """Return the tokens that are no longer valid; one query judges all keys."""
    if get_settings().auth == "oidc":
        return {token for token in tokens if _is_refused(token)}
    texts = list(tokens)
    try:
        with session_scope(read_only=True) as session:
            judged = api_keys.authenticate_keys(session, texts)
    except SQLAlchemyError as error:
        _log.warning("the keys of streams are not checked: %s", type(error).__name__)
        return set()
    return {text for text, key in zip(texts, judged, strict=True) if isinstance(key, Unauthorized)}


def _is_refused(token: str) -> bool:
    try:
        oidc.authenticate_token(token)
    except (Unauthorized, Forbidden):
        return True
    return False
