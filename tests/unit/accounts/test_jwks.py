"""The key set of an OpenID provider that answers too long, too slowly, or in another form."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from gateway.accounts import jwks
from gateway.accounts.jwks import MOST_KEYS, KeySet, parse_key_set
from gateway.errors import Unauthorized, Unavailable
from tests.hostile import dripping, endless
from tests.raw import Behaviour, answering, serving

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@contextmanager
def _refused(behave: Behaviour, says: str, caplog: pytest.LogCaptureFixture) -> Iterator[KeySet]:
    with serving(behave) as url:
        keys = KeySet(url)
        with pytest.raises(Unavailable, match="cannot be fetched"):
            keys.get("first")
        assert says in caplog.text
        yield keys


def test_a_key_set_without_an_end_is_cut_off(caplog: pytest.LogCaptureFixture) -> None:
    with _refused(endless(HEAD + b"\r\n", bytes(1 << 16)), "too large", caplog):
        pass


def test_a_compressed_key_set_is_not_unpacked(caplog: pytest.LogCaptureFixture) -> None:
    body = b"\x1f\x8b\x08"
    answer = HEAD + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\n" + body
    with _refused(answering(answer), "returned no keys", caplog):
        pass


@pytest.mark.parametrize("begin", [HEAD + b"\r\n", HEAD + b"X-Late: "], ids=["body", "headers"])
def test_a_key_set_that_comes_byte_by_byte_is_given_up(
    begin: bytes, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks, "DEADLINE_S", 0.3)
    monkeypatch.setattr(jwks, "PAUSE_S", 0.0)
    with _refused(dripping(begin), "took longer than 0.3 s", caplog) as keys:
        with pytest.raises(Unavailable):
            keys.get("first")
        assert "an earlier response has not ended yet" in caplog.text


def test_more_keys_than_any_provider_has_are_refused() -> None:
    entries = [{"kid": str(number), "kty": "RSA"} for number in range(MOST_KEYS + 1)]
    with pytest.raises(ValueError, match="not a set of 100 keys or fewer"):
        parse_key_set({"keys": entries})


def _public(**more: object) -> dict[str, object]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    return {**json.loads(RSAAlgorithm.to_jwk(key)), "kid": "good", "alg": "RS256", **more}


BAD_ENTRIES: dict[str, object] = {
    "a list as kty": {"kid": "bad", "kty": ["RSA"]},
    "a number as kid": {"kid": 7, "kty": "RSA"},
    "a list as kid": {"kid": ["bad"], "kty": "RSA"},
    "a list as alg": {"alg": ["RS256"]},
    "an unknown alg": {"alg": "none"},
    "numbers as numbers": {"n": 5, "e": 3},
    "no numbers": {"kid": "bad", "kty": "RSA"},
    "text": "RSA",
    "a curve of no name": {"kid": "bad", "kty": "EC", "crv": {"a": 1}, "x": "AA", "y": "AA"},
    "a point that is none": {"kid": "bad", "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
    "deep": {"kid": "bad", "kty": "OKP", "crv": [[[[]]]], "x": [[]]},
}


@pytest.mark.parametrize("name", BAD_ENTRIES)
def test_one_bad_entry_leaves_the_others(name: str) -> None:
    bad = BAD_ENTRIES[name]
    entry = {**_public(), "kid": "bad", **bad} if isinstance(bad, dict) and "kty" not in bad else bad
    assert set(parse_key_set({"keys": [entry, _public(), entry]})) == {"good"}


@pytest.mark.parametrize("field", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
def test_private_fields_do_not_reach_the_library(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = list[object]()
    monkeypatch.setattr(jwt, "PyJWK", seen.append)
    assert parse_key_set({"keys": [_public(**{field: "AQAB"})]}) == {}
    assert seen == []


def test_a_slow_fetch_holds_a_few_requests_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwks, "WAIT_S", 60.0)
    fetching, ends, refused = threading.Event(), threading.Event(), threading.Semaphore(0)

    def download(_: KeySet) -> object:
        fetching.set()
        assert ends.wait(60)
        return {"keys": [_public()]}

    def ask() -> None:
        try:
            keys.get("good")
        except Unavailable:
            refused.release()

    monkeypatch.setattr(KeySet, "_download", download)
    monkeypatch.setattr(jwks, "DEADLINE_S", 60.0)
    keys = KeySet("http://127.0.0.1:9/")
    threads = [threading.Thread(target=ask) for _ in range(jwks.MOST_WAITING + 3)]
    threads[0].start()
    assert fetching.wait(60)
    for thread in threads[1:]:
        thread.start()
    for _ in range(2):  # those beyond the one that fetches and those that may wait
        assert refused.acquire(timeout=60)
    ends.set()
    for thread in threads:
        thread.join()
    assert not refused.acquire(blocking=False)


def test_an_unknown_key_waits_for_a_slow_fetch_no_longer_than_a_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jwks, "WAIT_S", 0.01)
    keys = KeySet("http://127.0.0.1:9/")
    with keys._lock, pytest.raises((Unauthorized, Unavailable)):  # noqa: SLF001  another thread's fetch
        keys.get("new")
