"""Sign-in at an OpenID provider for the console: authorization code with PKCE.

The provider's access token identifies the caller, as it does in the REST API; it is verified and not kept.
"""

import time
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import httpx
from authlib.common.security import generate_token
from authlib.deprecate import AuthlibDeprecationWarning
from authlib.integrations.base_client import OAuthError

from gateway.accounts.provider_answers import TIMEOUT_S, ProviderTransport
from gateway.errors import Invalid, Unauthorized, Unavailable
from gateway.settings import Settings, get_settings

with warnings.catch_warnings():
    # Authlib asks for httpx2, which this project does not have.
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)
    from authlib.integrations.httpx_client import OAuth2Client

FRESH_S = 300
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_VERIFIER_LENGTH = 64
_LONGEST_URL = 2048
# Authlib looks for fields in a token before it knows that the answer is an object.
_UNREADABLE = (httpx.HTTPError, ValueError, TypeError, RecursionError)


@dataclass(frozen=True)
class ProviderVisit:
    """The address of the provider's page, and the two texts that its return has to match."""

    url: str
    state: str
    verifier: str


def start_sign_in(redirect_uri: str) -> ProviderVisit:
    """Return the way to the provider's page, or raise Invalid without a configured client."""
    state, verifier = generate_token(_VERIFIER_LENGTH), generate_token(_VERIFIER_LENGTH)
    with _client(redirect_uri) as client:
        url, _ = client.create_authorization_url(
            _endpoint("authorization_endpoint"), state=state, code_verifier=verifier
        )
    return ProviderVisit(url, state, verifier)


def fetch_access_token(redirect_uri: str, code: str, verifier: str) -> str:
    """Exchange the code of the provider's return for an access token, or raise Unauthorized."""
    try:
        with _client(redirect_uri) as client:
            answer = client.fetch_token(
                _endpoint("token_endpoint"),
                grant_type="authorization_code",
                code=code,
                code_verifier=verifier,
            )
    except OAuthError as error:
        raise Unauthorized("the OpenID provider refused the sign-in: begin again") from error
    except _UNREADABLE as error:
        raise Unavailable("the OpenID provider does not answer; try again shortly") from error
    token = answer.get("access_token") if isinstance(answer, dict) else None
    if not isinstance(token, str):
        raise Unauthorized("the OpenID provider sent no access token")
    return token


def _client(redirect_uri: str) -> OAuth2Client:
    settings = get_settings()
    if not settings.oidc_client_id:
        raise Invalid("the console is no client of the OpenID provider: set GATEWAY_OIDC_CLIENT_ID")
    secret = settings.oidc_client_secret
    return OAuth2Client(
        settings.oidc_client_id,
        secret.get_secret_value() if secret else None,
        token_endpoint_auth_method="client_secret_basic" if secret else "none",
        scope=settings.oidc_client_scope,
        redirect_uri=redirect_uri,
        code_challenge_method="S256",
        timeout=TIMEOUT_S,
        transport=ProviderTransport(settings.ca_bundle),
    )


def _endpoint(name: str) -> str:
    url = read_description(int(time.monotonic() // FRESH_S)).get(name)
    if not isinstance(url, str) or not _is_safe(url):
        raise Unavailable(f"the OpenID provider's description has no {name} with https")
    return url


def _is_safe(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    is_private = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    return is_private and len(url) <= _LONGEST_URL and url.isascii() and url.isprintable()


@lru_cache(maxsize=1)
def read_description(_period: int) -> dict[str, Any]:
    """Return the provider's description, which is read again after some minutes."""
    settings = get_settings()
    try:
        with httpx.Client(transport=ProviderTransport(settings.ca_bundle), timeout=TIMEOUT_S) as client:
            found = client.get(_description_url(settings)).raise_for_status().json()
    except _UNREADABLE as error:
        raise Unavailable("the OpenID provider's description cannot be read; try again shortly") from error
    if not isinstance(found, dict) or found.get("issuer") != settings.oidc_issuer:
        raise Unavailable("the OpenID provider describes another issuer than GATEWAY_OIDC_ISSUER")
    return found


def _description_url(settings: Settings) -> str:
    return f"{settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration"
