"""Forged, foreign and expired tokens: each is refused and leaves no row."""

import base64
import hmac
import io
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi.testclient import TestClient

from gateway.accounts import jwks
from gateway.callers import Scope
from tests.identity import Provider, bearer, claims, ec_key, new_key, public_pem, refused, rsa_key

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
FORGED = "the token's signature is wrong"
NOT_ACCEPTED = "the token is signed with an algorithm that is not accepted here"


def test_a_time_an_audience_or_an_issuer_that_is_wrong(api: TestClient, openid: Provider) -> None:
    now = int(time.time())
    for changes, reason in (
        ({"exp": now - 60}, "the token has expired: get a new one"),
        ({"exp": 0}, "the token has expired: get a new one"),
        ({"nbf": now + 3600}, "the token is not valid yet"),
        ({"iat": now + 3600}, "the token is not valid yet"),
        ({"aud": "another-service"}, "the token is for another audience"),
        ({"aud": ["hpc"]}, "the token is for another audience"),
        ({"iss": "https://evil.example.org"}, "the token is from another issuer"),
        ({"iss": "https://login.example.org/realms/hpc/"}, "the token is from another issuer"),
    ):
        assert refused(api, bearer(openid.token("first", **changes))) == reason, changes


def test_a_claim_that_is_missing_or_of_another_kind(api: TestClient, openid: Provider) -> None:
    wrong: tuple[dict[str, Any], ...] = (
        {"exp": None},
        {"aud": None},
        {"iss": None},
        {"exp": "tomorrow"},
        {"exp": 1e400},
        {"exp": [1]},
        {"nbf": {}},
        {"aud": []},
        {"aud": {"hpc-gateway": 1}},
        {"iss": 7},
    )
    for changes in wrong:
        refused(api, bearer(_sign(openid, **changes)))


def test_a_name_that_is_none(api: TestClient, openid: Provider) -> None:
    for name in (None, "", " ", "a\0b", "a\nb", "x" * 256, "local", 7, ["ada"], "\u202eada"):
        refused(api, bearer(_sign(openid, sub=name)))


def test_another_key_under_the_providers_name(api: TestClient, openid: Provider) -> None:
    assert openid.keys["first"]
    forged = jwt.encode(claims(), rsa_key(), "RS256", headers={"kid": "first"})
    assert refused(api, bearer(forged)) == FORGED


def test_a_changed_payload_under_a_true_signature(api: TestClient, openid: Provider) -> None:
    head, payload, signature = openid.token("first").split(".")
    changed = json.loads(_decode_segment(payload)) | {"scope": "hpc-gateway:admin"}
    assert refused(api, bearer(f"{head}.{_encode_segment(changed)}.{signature}")) == FORGED
    for rest in (f"{payload}.", payload, f"{payload}.{signature[:-4]}AAAA", f".{signature}"):
        refused(api, bearer(f"{head}.{rest}"))


@pytest.mark.usefixtures("openid")
def test_no_algorithm(api: TestClient) -> None:
    for name in ("none", "None", "NONE", "nOnE", "", None, 7, ["RS256"]):
        head = _encode_segment({"alg": name, "typ": "JWT", "kid": "first"})
        for signature in ("", "AAAA"):
            refused(api, bearer(f"{head}.{_encode_segment(claims())}.{signature}"))


def test_the_public_key_as_a_shared_secret(api: TestClient, openid: Provider) -> None:
    for name in ("HS256", "HS384", "HS512"):
        signed = f"{_encode_segment({'alg': name, 'typ': 'JWT', 'kid': 'first'})}.{_encode_segment(claims())}"
        mac = hmac.digest(public_pem(openid.keys["first"]), signed.encode(), name.replace("HS", "sha"))
        assert refused(api, bearer(f"{signed}.{_base64(mac)}")) == NOT_ACCEPTED


def test_the_algorithm_of_another_family(api: TestClient, openid: Provider) -> None:
    openid.publish(first=openid.keys["first"], ec=ec_key())
    refused(api, bearer(openid.token("first", header={"kid": "ec"})))
    refused(api, bearer(openid.token("ec", header={"kid": "first"})))
    other = jwt.encode(claims(), openid.keys["first"], "PS256", headers={"kid": "first"})
    assert refused(api, bearer(other)) == NOT_ACCEPTED


@pytest.mark.filterwarnings("ignore:The RSA key")
def test_a_key_short_enough_to_be_factored(api: TestClient, openid: Provider) -> None:
    openid.publish(weak=rsa.generate_private_key(public_exponent=65537, key_size=1024))  # noqa: S505  the point
    assert refused(api, bearer(openid.token("weak"))) == "the token's key is too short, or of another kind"


@pytest.mark.usefixtures("openid")
def test_a_header_that_brings_its_own_key(api: TestClient) -> None:
    own = rsa_key()
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(own.public_key()))
    headers: list[dict[str, Any]] = [
        {"jwk": jwk, "kid": "first"},
        {"jku": "https://evil.example.org/certs", "kid": "mine"},
        {"x5u": "https://evil.example.org/cert", "kid": "first"},
        {"kid": "../../../../dev/null"},
        {"kid": "x' OR '1'='1"},
        {"crit": ["exp"], "exp": 1, "kid": "first"},
    ]
    for header in headers:
        refused(api, bearer(jwt.encode(claims(), own, "RS256", headers=header)))


def test_no_key_named(api: TestClient, openid: Provider) -> None:
    assert "kid" in refused(api, bearer(jwt.encode(claims(), openid.keys["first"], "RS256")))


@pytest.mark.usefixtures("openid")
def test_what_is_no_token_at_all(api: TestClient) -> None:
    deep = b'{"alg":"RS256","kid":"first","x":' + b"[" * 3000 + b"]" * 3000
    endless = [f"{_base64(text)}.e30.AA" for text in (b"[" * 5000, deep, b"9" * 5000)]
    for token in ("a.b.c", "..", "...", "e30.e30.", "bnVsbA.e30.e30", "e30", "A" * 8000, "=.=.=", *endless):
        refused(api, bearer(token))


def test_unknown_keys_make_no_storm(
    api: TestClient, openid: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks, "PAUSE_S", 3600.0)  # however slow this machine is
    own = rsa_key()
    tokens = [jwt.encode(claims(), own, "RS256", headers={"kid": f"no-{number}"}) for number in range(20)]
    for token in tokens:
        assert api.get("/job", headers=bearer(token)).status_code == 401
    assert openid.fetches == 1
    assert api.get("/job", headers=bearer(openid.token("first"))).status_code == 200
    monkeypatch.setattr(jwks, "PAUSE_S", 0.0)
    assert api.get("/job", headers=bearer(tokens[0])).status_code == 401
    assert openid.fetches == 2


def test_a_replayed_token_ends_with_its_time(api: TestClient, openid: Provider) -> None:
    now = int(time.time())
    assert api.get("/job", headers=bearer(openid.token("first", exp=now + 60))).status_code == 200
    refused(api, bearer(openid.token("first", exp=now - 11)))


@pytest.mark.usefixtures("openid")
def test_a_key_of_the_gateway_is_no_token(api: TestClient) -> None:
    refused(api, bearer(new_key("ada", Scope.ADMIN)))


def test_no_token_is_logged(api: TestClient, openid: Provider, log: io.StringIO) -> None:
    stranger = jwt.encode(claims(), rsa_key(), "RS256", headers={"kid": "unknown"})
    tokens = [openid.token("first"), openid.token("first", exp=0), stranger]
    for token in tokens:
        api.get("/overview", headers=bearer(token))
    assert not [part for token in tokens for part in token.split(".")[1:] if part in log.getvalue()]


def test_a_token_without_a_scope_is_known_and_may_nothing(api: TestClient, openid: Provider) -> None:
    assert "hpc-gateway:user" in refused(api, bearer(openid.token("first", scope="openid profile")), 403)


def _sign(openid: Provider, **changes: Any) -> str:
    """Sign by hand what the library refuses to sign."""
    signed = f"{_encode_segment({'alg': 'RS256', 'kid': 'first'})}.{_encode_segment(claims(**changes))}"
    signer = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256)
    key: Any = openid.keys["first"]
    return f"{signed}.{_base64(signer.sign(signed.encode(), key))}"


def _encode_segment(content: Any) -> str:
    return _base64(json.dumps(content).encode())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _decode_segment(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
