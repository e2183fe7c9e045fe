"""Redirects and regions that a store names: followed once and near, signed again, and else named."""

import os
import socket
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from gateway.errors import StorageError
from gateway.filesystems.shared import SharedFilesystem
from gateway.storage.address import Credentials, S3Address
from gateway.storage.opening import open_prefix
from tests.staging import SETTINGS, Recorder, at, stage_in, stage_out
from tests.stores import accounts
from tests.stores.bucket import Stored
from tests.stores.server import stores

MIB = 1 << 20
KEYS = Credentials("me", "geheim")


@pytest.fixture(autouse=True)
def names_below_localhost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resolve names below localhost as RFC 6761 wants it, which not every resolver does."""
    ask = socket.getaddrinfo

    def resolve(host: str, *rest: Any, **named: Any) -> Any:
        return ask("127.0.0.1" if host.endswith(".localhost") else host, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def _there_and_back(where: S3Address, site: SharedFilesystem, home: Path) -> None:
    for size in (5, 3 * MIB, 9 * MIB):
        (home / "out").write_bytes(data := os.urandom(size))
        stage_out(site, at(home, "out"), where, Recorder(), SETTINGS, secret=KEYS)
        stage_in(where, site, at(home, "in"), Recorder(), SETTINGS, secret=KEYS)
        assert (home / "in").read_bytes() == data
    with closing(open_prefix(replace(where, key="in/"), KEYS, SETTINGS)) as prefix:
        assert [name for name, _ in prefix.below()] == ["a b+c"]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("host", ["node.localhost", "data.localhost"])
def test_a_redirect_below_the_endpoint_is_followed(
    status: int, host: str, site: SharedFilesystem, home: Path
) -> None:
    bucket = accounts.Moved(status, "localhost")
    with stores(data=bucket) as url:
        port = urlsplit(url).port
        bucket.location = f"http://{host}:{port}"
        _there_and_back(S3Address(f"http://localhost:{port}", "local", "data", "in/a b+c"), site, home)
    assert {each.host for each in bucket.asked} == {"localhost", host}


@pytest.mark.parametrize(
    ("location", "says"),
    [
        ("http://127.0.0.1:{port}", "neither its host nor below it"),
        ("http://localhost:1", "neither its host nor below it"),
        ("http://notlocalhost:{port}", "neither its host nor below it"),
        ("http://user:geheim@node.localhost:{port}", "forbidden address"),
        ("ftp://node.localhost:{port}", "forbidden address"),
        ("http://node.localhost:{port}#again", "once more"),
        ("nonsense", "to another object|to no URL|forbidden"),
    ],
)
def test_another_redirect_is_refused_and_named(
    location: str, says: str, site: SharedFilesystem, home: Path
) -> None:
    bucket = accounts.Moved(307, "localhost")
    with stores(data=bucket) as url:
        port = urlsplit(url).port
        bucket.location = location.format(port=port).removesuffix("#again")
        bucket.everywhere = "again" in location
        bucket.objects["x"] = Stored(b"here")
        where = S3Address(f"http://localhost:{port}", "local", "data", "x")
        with pytest.raises(StorageError, match=says) as caught:
            stage_in(where, site, at(home, "in"), Recorder(), SETTINGS, secret=KEYS)
    assert not caught.value.transient
    assert "geheim" not in caught.value.detail


def test_a_refused_redirect_names_the_region_that_the_store_names(site: SharedFilesystem, home: Path) -> None:
    more = "<Endpoint>data.s3.eu-west-9.example.org</Endpoint><Region>eu-west-9</Region>"
    with stores(data=accounts.Moved(301, "127.0.0.1", more=more)) as url:
        where = S3Address(url, "local", "data", "x")
        with pytest.raises(StorageError, match="set endpoint to the bucket's own and region to 'eu-west-9'"):
            stage_in(where, site, at(home, "in"), Recorder(), SETTINGS, secret=KEYS)


@pytest.mark.parametrize("kind", [accounts.Region, accounts.RefusingRegions, accounts.RefusingSignatures])
def test_a_store_that_names_no_region_is_asked_for_the_usual_one(
    kind: type[accounts.Region], site: SharedFilesystem, home: Path
) -> None:
    with stores(data=kind("us-east-1", KEYS.secret_key, "")) as url:
        _there_and_back(S3Address(url, "local", "data", "in/a b+c"), site, home)


@pytest.mark.parametrize("given", ["local", "south-1"])
@pytest.mark.parametrize("kind", [accounts.RefusingRegions, accounts.RefusingSignatures])
def test_a_region_that_no_signature_fits_is_named(
    kind: type[accounts.Region], given: str, site: SharedFilesystem, home: Path
) -> None:
    bucket = kind("north-7", KEYS.secret_key, "")
    with stores(data=bucket) as url:
        where = S3Address(url, given, "data", "x")
        with pytest.raises(StorageError, match=f"the region '{given}': check region"):
            stage_in(where, site, at(home, "in"), Recorder(), SETTINGS, secret=KEYS)
    assert len(bucket.asked) == (2 if given == "local" else 1)


@pytest.mark.parametrize(
    "code", ["SecondLevelDomainForbidden", "PathStyleDomainForbidden", "VirtualHostDomainRequired"]
)
def test_a_store_that_wants_the_bucket_in_the_hosts_name_gets_it(
    code: str, site: SharedFilesystem, home: Path
) -> None:
    with stores(data=(bucket := accounts.OnlyInHost(code))) as url:
        port = urlsplit(url).port
        _there_and_back(S3Address(f"http://localhost:{port}", "local", "data", "in/a b+c"), site, home)
        with pytest.raises(StorageError, match="wants the bucket in the host's name"):
            stage_in(
                S3Address(url, "local", "data", "x"), site, at(home, "in"), Recorder(), SETTINGS, secret=KEYS
            )
    assert {each.host for each in bucket.asked} == {"localhost", "data.localhost", "127.0.0.1"}


@pytest.mark.parametrize("named", ["body", "header", "message"])
def test_a_region_that_was_left_out_is_learned(named: str, site: SharedFilesystem, home: Path) -> None:
    bucket = accounts.Region("north-7", KEYS.secret_key, named)
    with stores(data=bucket) as url:
        _there_and_back(S3Address(url, "local", "data", "in/a b+c"), site, home)


@pytest.mark.parametrize(("named", "says"), [("body", "region 'north-7'"), ("", "the region 'south-1'")])
def test_a_region_that_was_given_is_kept_and_the_right_one_named(
    named: str, says: str, site: SharedFilesystem, home: Path
) -> None:
    (home / "out").write_bytes(bytes(9 * MIB))
    bucket = accounts.Region("north-7", KEYS.secret_key, named)
    with stores(data=bucket) as url:
        where = S3Address(url, "south-1", "data", "x")
        with pytest.raises(StorageError, match=says):
            stage_in(where, site, at(home, "in"), Recorder(), SETTINGS, secret=KEYS)
        with pytest.raises(StorageError, match=says):
            stage_out(site, at(home, "out"), where, Recorder(), SETTINGS, secret=KEYS)
    assert len(bucket.asked) == 2
