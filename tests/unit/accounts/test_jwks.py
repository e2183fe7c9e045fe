"""The key set of an OpenID provider that answers too long, too slowly, or in another form."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.accounts import jwks
from gateway.accounts.jwks import MOST_KEYS, KeySet, parse_key_set
from gateway.errors import Unavailable
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
