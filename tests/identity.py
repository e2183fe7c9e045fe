"""Who calls, and who is refused, for the tests: real keys, and a provider with a real JWKS endpoint."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from gateway.accounts import api_keys
from gateway.callers import Scope
from gateway.db import session_scope
from gateway.models import Event, Infrastructure, Job, Transfer
from tests.bodies import DATA, JOB, RESULT
from tests.web import Page, web

ISSUER = "https://login.example.org/realms/hpc"
AUDIENCE = "hpc-gateway"
POSTS: list[tuple[str, dict[str, Any]]] = [("/s3_data", DATA), ("/s3_result", RESULT), ("/job", JOB)]
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def new_key(owner: str, scope: Scope = Scope.USER, lifetime: timedelta | None = None) -> str:
    with session_scope() as session:
        return api_keys.create_key(session, owner, scope, lifetime)[1]


def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def public_pem(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def claims(**changes: Any) -> dict[str, Any]:
    """Return the claims of a good token; a change to None takes the claim away."""
    now = int(time.time())
    good = {
        "iss": ISSUER,
        "aud": [AUDIENCE, "account"],
        "sub": "ada",
        "iat": now,
        "exp": now + 300,
        "scope": "openid hpc-gateway:user",
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def rows() -> int:
    """Count all that a request could leave behind."""
    with session_scope(read_only=True) as session:
        tables = (Transfer, Job, Event, Infrastructure)
        return sum(session.scalar(select(func.count()).select_from(table)) or 0 for table in tables)


def refused(api: TestClient, headers: Any, status: int = 401) -> str:
    """Try every kind of POST; expect the refusal and no row, and return the reason."""
    before, details = rows(), set()
    for url, body in POSTS:
        answer = api.post(url, json=body, headers=headers)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"].startswith("Bearer")
        details.add(answer.json()["detail"])
    assert rows() == before
    (detail,) = details
    return str(detail)


@dataclass
class Provider:
    """An OpenID provider: what it publishes, and the keys that it signs with."""

    page: Page
    url: str
    keys: dict[str, PrivateKey] = field(default_factory=dict)

    def publish(self, **keys: PrivateKey) -> None:
        """Publish the public half of these keys, and no other."""
        self.keys |= keys
        self.page.data = json.dumps({"keys": [_public(name, key) for name, key in keys.items()]}).encode()

    @property
    def fetches(self) -> int:
        return len(self.page.asked)

    def token(self, key_id: str, header: dict[str, Any] | None = None, **changes: Any) -> str:
        key = self.keys[key_id]
        algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
        return jwt.encode(claims(**changes), key, algorithm, headers={"kid": key_id} | (header or {}))


def _public(name: str, key: PrivateKey) -> dict[str, Any]:
    public = key.public_key()
    kind: Any = (
        jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    )
    entry: dict[str, Any] = kind.to_jwk(public, as_dict=True)
    return entry | {"kid": name, "use": "sig"}


@contextmanager
def provider() -> Iterator[Provider]:
    page = Page()
    with web({"/certs": page}) as url:
        yield Provider(page, f"{url}/certs")
