"""Ways to reach a store: TLS, the bucket in the host's name, the region, and the clock of the signature."""

import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from gateway.errors import StorageError
from gateway.filesystems.shared import SharedFilesystem
from gateway.settings import Settings
from gateway.storage.address import S3Address
from gateway.storage.s3.signing import Signer
from hpc_gateway_commands.demo.services import ObjectStore
from tests.fault_proxy import Fault, first, proxy
from tests.staging import SETTINGS, Recorder, at, everything, stage_in, stage_out
from tests.tls import Authority, tls
from tests.web import serving

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIB = 1 << 20


@pytest.fixture
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def secure(store: ObjectStore, authority: Authority, address: S3Address) -> Iterator[S3Address]:
    """Give the store's address over TLS, with a certificate for this name alone."""
    with tls(store.port, authority.context("localhost")) as port:
        yield replace(address, endpoint=f"https://localhost:{port}")


def test_there_and_back_over_tls(
    secure: S3Address, authority: Authority, s3: "S3Client", site: SharedFilesystem, home: Path
) -> None:
    (home / "up").write_bytes(data := os.urandom(20 * MIB))
    trusting = Settings(allowed_endpoints=["127.0.0.1"], ca_bundle=authority.bundle)
    stage_out(site, at(home, "up"), secure, Recorder(), trusting)
    assert s3.get_object(Bucket="data", Key=secure.key)["Body"].read() == data
    stage_in(secure, site, at(home, "down"), Recorder(), trusting)
    assert (home / "down").read_bytes() == data


@pytest.mark.parametrize(
    "fault",
    [
        Fault("cut", 50),  # in the handshake
        Fault("cut", 500_000),
        Fault("corrupt", 500_000),
        Fault("cut", 300_000, upwards=True),
        Fault("corrupt", 300_000, upwards=True),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.after}-{fault.upwards}",
)
def test_a_tls_connection_that_breaks_is_made_again(
    *, fault: Fault, secure: S3Address, authority: Authority, site: SharedFilesystem, home: Path
) -> None:
    (home / "up").write_bytes(data := os.urandom(20 * MIB))
    trusting = Settings(allowed_endpoints=["127.0.0.1"], ca_bundle=authority.bundle)
    with proxy(urlsplit(secure.endpoint).port or 0) as network:
        there = replace(secure, endpoint=network.url.replace("http://127.0.0.1", "https://localhost"))
        network.restart(first(Fault(), fault))
        stage_out(site, at(home, "up"), there, Recorder(), trusting)
        network.restart(first(Fault(), fault))
        stage_in(there, site, at(home, "down"), Recorder(), trusting)
    assert (home / "down").read_bytes() == data


def test_a_server_without_tls_is_named(address: S3Address, site: SharedFilesystem, home: Path) -> None:
    plain = replace(address, endpoint=address.endpoint.replace("http:", "https:"))
    with pytest.raises(StorageError, match="there is no TLS") as caught:
        stage_in(plain, site, at(home, "x"), Recorder(), SETTINGS)
    assert not caught.value.transient


def test_an_unknown_authority_is_refused_and_the_setting_is_named(
    secure: S3Address, site: SharedFilesystem, home: Path
) -> None:
    says = r"certificate of https://localhost.*local issuer.*GATEWAY_CA_BUNDLE"
    with pytest.raises(StorageError, match=says) as caught:
        stage_in(secure, site, at(home, "x"), Recorder(), SETTINGS)
    assert not caught.value.transient
    with pytest.raises(StorageError, match=says.replace("https://localhost", "https://localhost:[0-9]+")):
        stage_in(f"{secure.endpoint}/x", site, at(home, "x"), Recorder(), SETTINGS, secret=None)
    assert everything(home) == []


def test_a_certificate_for_another_host_is_refused(
    secure: S3Address, authority: Authority, site: SharedFilesystem, home: Path
) -> None:
    trusting = Settings(allowed_endpoints=["127.0.0.1"], ca_bundle=authority.bundle)
    other = replace(secure, endpoint=secure.endpoint.replace("localhost", "127.0.0.1"))
    with pytest.raises(StorageError, match="not valid for '127.0.0.1'.*check the address") as caught:
        stage_in(other, site, at(home, "x"), Recorder(), trusting)
    assert not caught.value.transient
    assert everything(home) == []


def test_a_bucket_in_the_hosts_name(
    *,
    store: ObjectStore,
    address: S3Address,
    s3: "S3Client",
    site: SharedFilesystem,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = _resolving_below_localhost(monkeypatch)
    virtual = Settings(allowed_endpoints=["127.0.0.1"], virtual_hosted=["localhost"])
    there = replace(address, endpoint=f"http://localhost:{store.port}")
    for size in (5, 20 * MIB):
        (home / "up").write_bytes(data := os.urandom(size))
        stage_out(site, at(home, "up"), there, Recorder(), virtual)
        assert s3.get_object(Bucket="data", Key=there.key)["Body"].read() == data
        stage_in(there, site, at(home, "down"), Recorder(), virtual)
        assert (home / "down").read_bytes() == data
    assert "data.localhost" in asked
    assert "localhost" not in asked


def _resolving_below_localhost(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Resolve names below localhost as RFC 6761 wants it, which not every resolver does."""
    ask, asked = socket.getaddrinfo, set()

    def resolve(host: str, *rest: Any, **named: Any) -> Any:
        asked.add(host)
        return ask("127.0.0.1" if host.endswith(".localhost") else host, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


def test_the_region_reaches_the_signature(address: S3Address, site: SharedFilesystem, home: Path) -> None:
    signed = []

    class Store(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            signed.append(self.headers["Authorization"])
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with serving(Store) as url:
        there = replace(address, endpoint=url, region="north-7")
        with pytest.raises(StorageError, match="no object"):
            stage_in(there, site, at(home, "x"), Recorder(), SETTINGS)
    assert "/north-7/s3/aws4_request" in signed[0]


@pytest.mark.parametrize("wrong", [timedelta(hours=-1), timedelta(hours=1)])
def test_a_wrong_clock_is_named(
    *,
    wrong: timedelta,
    address: S3Address,
    s3: "S3Client",
    site: SharedFilesystem,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    s3.put_object(Bucket="data", Key=address.key, Body=b"here")
    signed, moment = Signer.signed, datetime.now(UTC) + wrong

    def late(self: Signer, method: str, url: str, headers: Mapping[str, str], **named: Any) -> Any:
        return signed(self, method, url, {**headers, "X-Amz-Date": f"{moment:%Y%m%dT%H%M%SZ}"}, **named)

    monkeypatch.setattr(Signer, "signed", late)
    with pytest.raises(StorageError, match="clocks of the store and of the gateway differ") as caught:
        stage_in(address, site, at(home, "x"), Recorder(), SETTINGS)
    assert not caught.value.transient
    assert everything(home) == []
