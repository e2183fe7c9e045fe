"""OpenID tokens: JWTs whose signature, issuer, audience and times are verified."""

from collections.abc import Mapping

import jwt

from gateway.accounts.jwks import key_set
from gateway.accounts.owner_names import check_owner
from gateway.callers import LOCAL, Caller, Scope
from gateway.errors import Forbidden, Invalid, Unauthorized
from gateway.settings import Settings, get_settings

CLOCK_LEEWAY_S = 10
Claims = Mapping[str, object]
# The first matching class gives the reason. The library's own messages may quote the token.
_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (jwt.ExpiredSignatureError, "the token has expired: get a new one"),
    (jwt.ImmatureSignatureError, "the token is not valid yet"),
    (jwt.InvalidAudienceError, "the token is for another audience"),
    (jwt.InvalidIssuerError, "the token is from another issuer"),
    (jwt.MissingRequiredClaimError, "the token lacks a claim: exp, iss, aud and the owner's are needed"),
    (jwt.InvalidAlgorithmError, "the token is signed with an algorithm that is not accepted here"),
    (jwt.InvalidKeyError, "the token's key is too short, or of another kind"),
    (jwt.InvalidSignatureError, "the token's signature is wrong"),
)


def authenticate_token(token: str) -> Caller:
    """Return the caller whom the token identifies, or raise Unauthorized; Forbidden without a scope."""
    settings = get_settings()
    try:
        claims = _verify(token, settings)
    except (jwt.PyJWTError, TypeError, ValueError, OverflowError, RecursionError) as error:
        reason = next(
            (text for kind, text in _REASONS if isinstance(error, kind)), "the token is not a valid JWT"
        )
        raise Unauthorized(reason) from error
    return Caller(_owner(claims, settings), _scope(claims, settings))


def has_key(token: str) -> bool:
    """Tell whether the key that the token names is at hand, so that its verification does not block."""
    settings = get_settings()
    try:
        key_id = jwt.get_unverified_header(token).get("kid")
    except jwt.PyJWTError:
        return True  # it is refused without a key
    return not isinstance(key_id, str) or key_set(settings.oidc_jwks_url, settings.ca_bundle).has(key_id)


def _verify(token: str, settings: Settings) -> Claims:
    header = jwt.get_unverified_header(token)
    algorithm, key_id = header.get("alg"), header.get("kid")
    if algorithm not in settings.oidc_algorithms:
        raise jwt.InvalidAlgorithmError
    if not isinstance(key_id, str):
        raise Unauthorized("the token does not name the key that signed it (`kid`)")
    key = key_set(settings.oidc_jwks_url, settings.ca_bundle).get(key_id)
    if key.algorithm not in {None, algorithm}:
        raise jwt.InvalidAlgorithmError
    return jwt.decode(
        token,
        key.material,
        algorithms=[algorithm],
        issuer=settings.oidc_issuer,
        audience=settings.oidc_audience,
        leeway=CLOCK_LEEWAY_S,
        options={"require": ["exp", "iss", "aud"], "enforce_minimum_key_length": True},
    )


def _owner(claims: Claims, settings: Settings) -> str:
    name = _claim(claims, settings.oidc_owner_claim)
    try:
        owner = check_owner(name if isinstance(name, str) else "")
    except Invalid:
        raise Unauthorized(f"the token's claim {settings.oidc_owner_claim!r} is no owner name") from None
    if owner == LOCAL.owner:
        raise Unauthorized(f"the owner name {owner!r} is reserved for use without accounts")
    return owner


def _scope(claims: Claims, settings: Settings) -> Scope:
    """Return the highest scope that the claim names, in a text of words or in a list."""
    claim, prefix = _claim(claims, settings.oidc_scope_claim), settings.oidc_scope_prefix
    words = claim.split() if isinstance(claim, str) else claim if isinstance(claim, list) else []
    held = [scope for scope in Scope if f"{prefix}{scope}" in words]
    if not held:
        raise Forbidden(f"the token needs {prefix}{Scope.USER} in its claim {settings.oidc_scope_claim!r}")
    return held[-1]


def _claim(claims: Claims, name: str) -> object:
    """Return a claim by name; `a.b` is the claim `b` inside `a`, unless a claim has the whole name."""
    if name in claims:
        return claims[name]
    found: object = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found
