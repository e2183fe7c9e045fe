"""The egress policy (SSRF): allowed addresses, and every spelling of a private address by an attacker."""

import socket
from collections.abc import Callable

import pytest

from gateway.egress import policy
from gateway.errors import Invalid, StorageError, StorageUnavailable


@pytest.mark.parametrize(
    "url",
    [
        "https://s3.eu-central-1.amazonaws.com",
        "http://93.184.216.34:9000",
        "https://[2606:2800:220:1:248:1893:25c8:1946]/",
        "https://store.example.org:8443",
        "https://störe.example.org",
    ],
)
def test_public_endpoints_pass(url: str) -> None:
    policy.check_endpoint(url, [], "endpoint")


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "127.0.0.1",
        "127.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "0.0.0.0",  # noqa: S104
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fc00::1]",
        "[ff02::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fd00:ec2::254]",
        "[fec0::1]",
        "[3fff::1]",
        "[5f00::1]",
        "[2001:db8::1]",
        "[64:ff9b:1::1]",
        "168.63.129.16",
        "[::ffff:168.63.129.16]",
        "192.0.0.192",
        "192.0.0.9",
    ],
)
def test_inner_addresses_are_refused_and_the_setting_is_named(host: str) -> None:
    with pytest.raises(Invalid, match=r"^endpoint: .*GATEWAY_ALLOWED_ENDPOINTS"):
        policy.check_endpoint(f"http://{host}:9000", [], "endpoint")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "starts with http:// or https://"),
        ("s3.example.org", "starts with"),
        ("file:///etc/passwd", "starts with"),
        ("ftp://example.org/x", "starts with"),
        ("gopher://example.org", "starts with"),
        ("http://", "no host"),
        ("http://:80", "no host"),
        ("http://user:geheim@example.org", "user name or a password"),
        ("http://@example.org", "user name or a password"),
        ("http://example.org:port", "not a URL"),
        ("http://example.org:99999", "not a URL"),
        ("http://[::1", "not a URL"),
        ("http://exam ple.org", "spaces"),
        ("http://example.org\r\nHost: inner", "spaces"),
        ("http://example.org\x00", "control"),
    ],
)
def test_bad_urls_are_refused_without_repeating_them(url: str, says: str) -> None:
    with pytest.raises(Invalid, match=says) as caught:
        policy.check_endpoint(url, ["0.0.0.0/0", "::/0"], "endpoint")
    assert "geheim" not in caught.value.detail


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://127.0.0.1:9000", ["127.0.0.1"]),
        ("http://127.0.0.1:9000", ["127.0.0.0/8"]),
        ("http://localhost:9000", ["localhost"]),
        ("http://localhost:9000", ["127.0.0.1"]),
        ("http://localhost:9000", ["::1"]),
        ("http://MinIO.lan.:9000", ["minio.lan"]),
        ("http://10.1.2.3", ["192.168.0.0/16", "10.0.0.0/8"]),
        ("http://[::ffff:10.1.2.3]", ["10.0.0.0/8"]),
        ("http://[fec0::1]", ["fec0::/10"]),
    ],
)
def test_the_operator_can_allow_inner_endpoints(url: str, allowed: list[str]) -> None:
    policy.check_endpoint(url, allowed, "endpoint")


def test_other_schemes_are_the_callers_choice() -> None:
    policy.check_endpoint("ftp://ftp.example.org/x", [], "src", schemes=("http", "https", "ftp"))


Resolver = Callable[..., list[tuple[int, int, int, str, tuple[str, int]]]]


def _answering(*addresses: str) -> Resolver:
    return lambda *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, 443)) for a in addresses]


def test_only_public_addresses_of_a_name_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _answering("10.0.0.1", "93.184.216.34"))
    assert policy.resolve("example.org", 443, []) == ["93.184.216.34"]


def test_a_public_name_with_an_inner_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _answering("169.254.169.254", "::1"))
    with pytest.raises(StorageError, match=r"evil.example \(169.254.169.254, ::1\).*ALLOWED_ENDPOINTS"):
        policy.resolve("evil.example", 443, [])


@pytest.mark.parametrize("allowed", [["store.lan"], ["10.0.0.0/24"], ["10.0.0.1"]])
def test_an_inner_address_is_used_when_allowed(allowed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _answering("10.0.0.1"))
    assert policy.resolve("store.lan", 443, allowed) == ["10.0.0.1"]


@pytest.mark.parametrize(
    ("code", "expected"), [(socket.EAI_AGAIN, StorageUnavailable), (socket.EAI_NONAME, StorageError)]
)
def test_resolver_failures(code: int, expected: type[StorageError], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(code, "no")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(StorageError, match=r"example\.org") as caught:
        policy.resolve("example.org", 443, [])
    assert type(caught.value) is expected


def test_a_name_that_cannot_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    with pytest.raises(StorageError, match="host name"):
        policy.resolve("a" * 64 + ".example", 443, [])
