"""The allow-list: an entry with a port allows this port alone, one without a port allows every port."""

import pytest

from gateway.allow_list import check_entries, parse_entry, without_port
from gateway.egress.policy import check_endpoint, resolve
from gateway.errors import Invalid, StorageError
from gateway.operations import exposure
from gateway.settings import Settings, read_settings

ALLOWS = [
    ("127.0.0.1:9000", "http://127.0.0.1:9000/x", True),
    ("127.0.0.1:9000", "http://127.0.0.1:9001/x", False),
    ("127.0.0.1:9000", "http://127.0.0.1/x", False),
    ("127.0.0.1:80", "http://127.0.0.1/x", True),
    ("127.0.0.1:443", "https://127.0.0.1/x", True),
    ("127.0.0.1:80", "https://127.0.0.1/x", False),
    ("127.0.0.1", "http://127.0.0.1:9001/x", True),
    ("127.0.0.1:9000", "http://2130706433:9000/x", True),
    ("127.0.0.1:9000", "http://[::ffff:127.0.0.1]:9000/x", True),
    ("127.0.0.1:9000", "http://[::ffff:127.0.0.1]:9001/x", False),
    ("10.0.0.0/8:9000", "http://10.1.2.3:9000/x", True),
    ("10.0.0.0/8:9000", "http://10.1.2.3:9200/x", False),
    ("10.0.0.0/8", "http://10.1.2.3:9200/x", True),
    ("[::1]:443", "https://[::1]/x", True),
    ("[::1]:443", "https://[::1]:8443/x", False),
    ("[::1]", "https://[::1]:8443/x", True),
    ("::1", "https://[::1]:8443/x", True),
    ("[fd00::/8]:9000", "http://[fd12::1]:9000/x", True),
    ("[fd00::]/8:9000", "http://[fd12::1]:9000/x", True),
    ("fd00::/8:9000", "http://[fd12::1]:9000/x", True),
    ("fd00::/8:9000", "http://[fd12::1]:9001/x", False),
    ("fd00::/8", "http://[fd12::1]:9001/x", True),
    ("localhost:9000", "http://LOCALHOST.:9000/x", True),
    ("localhost:9000", "http://localhost:9001/x", False),
    ("127.0.0.0/8:9000", "http://localhost:9000/x", True),
    ("127.0.0.0/8:9000", "http://localhost:9001/x", False),
]


@pytest.mark.parametrize(("entry", "url", "allowed"), ALLOWS)
def test_an_endpoint(entry: str, url: str, *, allowed: bool) -> None:
    if allowed:
        check_endpoint(url, [entry], "endpoint")
    else:
        with pytest.raises(Invalid, match="GATEWAY_ALLOWED_ENDPOINTS, with port"):
            check_endpoint(url, [entry], "endpoint")


@pytest.mark.parametrize("entry", ["localhost:9000", "127.0.0.1:9000", "127.0.0.0/8:9000"])
def test_a_connection_is_judged_with_its_port(entry: str) -> None:
    assert "127.0.0.1" in resolve("localhost", 9000, [entry, "[::1]:9000"])
    with pytest.raises(StorageError, match="with port 9001"):
        resolve("localhost", 9001, [entry, "[::1]:9000"])


def test_public_hosts_need_no_entry_at_any_port() -> None:
    check_endpoint("http://8.8.8.8:4711/x", ["8.8.8.8:80"], "endpoint")


@pytest.mark.parametrize(
    "entry",
    [
        "http://minio:9000",
        "minio:9000/path",
        "user@minio",
        "*.example.org",
        "minio:0",
        "minio:65536",
        "minio:99999999999999999999",
        "10.0.0.0/33",
        "10.0.0.0/8:70000",
        "[minio]:9000",
        "[10.0.0.1]:9000",
        "[::1]:",
        "[::1",
        "::1:99999",
        "minio:9000:9001",
        ":9000",
    ],
)
def test_a_malformed_entry_ends_the_start(entry: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"expected host|a port is a number|no IPv6 address"):
        check_entries([entry])
    monkeypatch.setenv("GATEWAY_ALLOWED_ENDPOINTS", entry)
    with pytest.raises(Invalid, match="GATEWAY_ALLOWED_ENDPOINTS"):
        read_settings()


def test_entries_without_a_port_are_told() -> None:
    entries = ["s3:8333", "minio_1.example.org", "10.0.0.0/8", "[::1]:443", "::1", "127.0.0.1:80"]
    assert without_port(check_entries(entries)) == ["minio_1.example.org", "10.0.0.0/8", "::1"]


def test_a_name_is_compared_without_case_and_last_dot() -> None:
    entry = parse_entry("MinIO.Example.org.:9000")
    assert entry.allows_name("minio.example.ORG", 9000)
    assert not entry.allows_name("minio.example.org", 9001)


def test_a_start_warns_of_entries_without_a_port(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for entries, said in ((["s3:8333"], 0), (["s3:8333", "10.0.0.0/8", "minio"], 1)):
        settings = Settings(allowed_endpoints=entries)
        monkeypatch.setattr(exposure, "get_settings", lambda settings=settings: settings)
        exposure.warn_of_open_ports()
        assert len(caplog.messages) == said
    assert "10.0.0.0/8, minio allows every port" in caplog.text
    assert "s3:8333" not in caplog.text
