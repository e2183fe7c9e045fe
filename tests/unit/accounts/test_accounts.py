"""Owner names and folders, scopes, the Authorization header, key sets, and exposure without accounts."""

import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.accounts import jwks
from gateway.accounts.bearer import LONGEST_TOKEN, bearer_token
from gateway.accounts.owner_names import check_owner, owner_folder_name
from gateway.callers import Caller, Scope
from gateway.errors import Forbidden, Invalid, Unauthorized
from gateway.operations.exposure import Exposed, check_exposure, warn_of_shared_roots
from gateway.settings import get_settings

PLAIN = set(string.ascii_lowercase + string.digits + "_.-")


@pytest.mark.parametrize(
    ("owner", "folder"),
    [
        ("ada", "ada"),
        ("ada.lovelace-2", "ada.lovelace-2"),
        ("ada@example.org", "ada_40example.org"),
        ("Ada", "_41da"),
        ("a_b", "a_5fb"),
        ("..", "_2e."),
        (".", "_2e"),
        ("-rf", "_2drf"),
        ("a/../b", "a_2f..._2fb".replace("...", "..")),
        ("größe", "gr_c3_b6_c3_9fe"),
        ("f:7:x", "f_3a7_3ax"),
        ("%j", "_25j"),
    ],
)
def test_an_owners_folder_can_be_read_by_people(owner: str, folder: str) -> None:
    assert owner_folder_name(owner) == folder


@given(st.lists(st.text(min_size=1), min_size=2, max_size=2, unique=True))
def test_no_two_owners_share_a_folder_on_any_filesystem(owners: list[str]) -> None:
    first, second = (unicodedata.normalize("NFC", owner_folder_name(owner)).casefold() for owner in owners)
    assert first != second


@given(st.text(min_size=1))
def test_a_folder_is_one_harmless_name(owner: str) -> None:
    name = owner_folder_name(owner)
    assert set(name) <= PLAIN
    assert name[0] not in ".-"
    assert 0 < len(name) <= 200


def test_long_names_are_told_apart_to_the_last_letter() -> None:
    first, second = (owner_folder_name("Ö" * 254 + last) for last in "ab")
    assert first != second
    assert first.startswith("__")


@pytest.mark.parametrize(
    "name", ["", " ", "\0", "a\nb", "a\x1b[31m", "a\u202eb", "\ud800", "x" * 256, "a\u2028b"]
)
def test_a_name_that_could_forge_a_line_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        check_owner(name)


def test_no_owner_has_no_folder() -> None:
    with pytest.raises(Invalid):
        owner_folder_name("")


def test_each_scope_holds_those_before_it() -> None:
    held = {scope: [other for other in Scope if scope.holds(other)] for scope in Scope}
    assert held == {
        "user": ["user"],
        "operator": ["user", "operator"],
        "admin": ["user", "operator", "admin"],
    }
    with pytest.raises(Forbidden):
        Caller("ada", Scope.OPERATOR).need(Scope.ADMIN)


@pytest.mark.parametrize("header", ["Bearer abc", "bearer   abc", "BEARER abc", " Bearer abc "])
def test_a_bearer_token_is_read(header: str) -> None:
    assert bearer_token([header]) == "abc"


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [""],
        ["Bearer"],
        ["Bearer "],
        ["Basic YTpi"],
        ["abc"],
        ["Bearer a b"],
        ["Bearer ünï"],
        ["Bearer a\tb"],
        ["Bearer a", "Bearer a"],
        ["Bearer " + "a" * (LONGEST_TOKEN + 1)],
        ["Bearer a, Bearer b"],
    ],
)
def test_anything_else_is_nobody(headers: list[str]) -> None:
    with pytest.raises(Unauthorized):
        bearer_token(headers)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_without_accounts_this_machine_is_listened_to(host: str) -> None:
    check_exposure(host)


EVERYWHERE = "0.0.0.0"  # noqa: S104  nothing listens here


@pytest.mark.parametrize("host", [EVERYWHERE, "::", "", "192.0.2.1", "no-such-host.invalid"])
def test_without_accounts_nobody_else_is_unless_it_is_meant(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Exposed, match="GATEWAY_AUTH=keys.*GATEWAY_OPEN_TO_ALL=true"):
        check_exposure(host)
    monkeypatch.setattr(get_settings(), "open_to_all", True)
    check_exposure(host)
    monkeypatch.setattr(get_settings(), "open_to_all", False)
    monkeypatch.setattr(get_settings(), "auth", "keys")
    check_exposure(host)


def test_entries_that_are_no_public_keys_for_signatures_are_left_out() -> None:
    good = {"kty": "OKP", "crv": "Ed25519", "kid": "good", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    odd = [
        7,
        {**good, "kid": ""},
        {**good, "kid": "for encryption", "use": "enc"},
        {**good, "kid": "broken", "x": "!"},
        {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"},
        {"kty": "RSA", "kid": "empty"},
    ]
    assert list(jwks.parse_key_set({"keys": [*odd, good]})) == ["good"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_folders_that_owners_share_are_told_when_there_are_owners(
    settings: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = get_settings().infrastructures
    text = path.read_text(encoding="utf-8").replace("max_cpus", 'roots = ["/in", "/x/{owner}"]\nmax_cpus')
    path.write_text(text, encoding="utf-8")
    warn_of_shared_roots()
    assert caplog.messages == []
    monkeypatch.setattr(get_settings(), "auth", "keys")
    warn_of_shared_roots()
    assert caplog.messages == ["hpc: all owners share /in: {owner} would part them"]
