"""Temporary keys, requester pays, the customer's key, and refusals that name the cause."""

import base64
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from gateway.errors import Fault, StorageBusy, StorageError, StorageUnavailable
from gateway.filesystems.shared import SharedFilesystem
from gateway.settings import Settings
from gateway.storage.address import Credentials, S3Address
from gateway.storage.opening import open_prefix
from tests.staging import SETTINGS, Interrupted, Recorder, Resume, at, stage_in, stage_out
from tests.stores import accounts
from tests.stores.bucket import Answer, Bucket, error
from tests.stores.listings import Listing
from tests.stores.server import stores
from tests.tls import Authority, tls

MIB = 1 << 20
KEYS = Credentials("ASIATEMPORARY", "geheim+/wort")
TEMPORARY = replace(KEYS, session_token=accounts.TOKEN)
CUSTOMER_KEY = base64.b64encode(bytes(range(32))).decode()


@contextmanager
def _serving(bucket: Bucket) -> Iterator[S3Address]:
    with stores(data=bucket) as url:
        yield S3Address(url, "local", "data", "in/a b+c")


def _there_and_back(
    where: S3Address, keys: Credentials, site: SharedFilesystem, home: Path, settings: Settings = SETTINGS
) -> None:
    for size in (5, 9 * MIB):
        (home / "out").write_bytes(data := os.urandom(size))
        stage_out(site, at(home, "out"), where, Recorder(), settings, secret=keys)
        stage_in(where, site, at(home, "in"), Recorder(), settings, secret=keys)
        assert (home / "in").read_bytes() == data
    with closing(open_prefix(replace(where, key="in/"), keys, settings)) as prefix:
        assert [name for name, _ in prefix.below()] == ["a b+c"]


def test_a_session_token_goes_signed_with_each_request(site: SharedFilesystem, home: Path) -> None:
    with _serving(accounts.Temporary(KEYS.secret_key)) as where:
        _there_and_back(where, TEMPORARY, site, home)


@pytest.mark.parametrize("keys", [KEYS, replace(KEYS, session_token="another")])
def test_a_missing_or_wrong_token_is_named(keys: Credentials, site: SharedFilesystem, home: Path) -> None:
    with (
        _serving(accounts.Temporary(KEYS.secret_key)) as where,
        pytest.raises(StorageError, match="check session_token") as caught,
    ):
        stage_in(where, site, at(home, "in"), Recorder(), SETTINGS, secret=keys)
    assert (caught.value.transient, caught.value.fault) == (False, Fault.CREDENTIALS)


def test_the_requester_pays_with_each_request(site: SharedFilesystem, home: Path) -> None:
    with _serving(accounts.RequesterPays()) as where:
        with pytest.raises(StorageError, match="no permission"):
            stage_in(where, site, at(home, "in"), Recorder(), SETTINGS, secret=KEYS)
        _there_and_back(replace(where, requester_pays=True), KEYS, site, home)


def test_the_customers_key_goes_with_each_request_for_the_object_over_tls(
    site: SharedFilesystem, home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    authority = Authority(tmp_path_factory.mktemp("authority"))
    trusting = Settings(allowed_endpoints=["127.0.0.1"], ca_bundle=authority.bundle)
    keys = replace(KEYS, sse_customer_key=CUSTOMER_KEY)
    with (
        _serving(accounts.CustomerKey(CUSTOMER_KEY)) as plain,
        tls(urlsplit(plain.endpoint).port or 0, authority.context("localhost")) as port,
    ):
        _there_and_back(replace(plain, endpoint=f"https://localhost:{port}"), keys, site, home, trusting)
        with pytest.raises(StorageError, match="sent over https alone"):
            stage_in(plain, site, at(home, "in"), Recorder(), SETTINGS, secret=keys)


@pytest.mark.parametrize("size", [0, 5, 9 * MIB])
def test_an_account_that_may_only_write_writes(size: int, site: SharedFilesystem, home: Path) -> None:
    (home / "out").write_bytes(data := os.urandom(size))
    with _serving(bucket := accounts.WriteOnly()) as where:
        stage_out(site, at(home, "out"), where, Recorder(), SETTINGS, secret=KEYS)
    assert bucket.objects[where.key].data == data


def test_an_account_that_may_not_list_parts_begins_an_upload_again(
    site: SharedFilesystem, home: Path
) -> None:
    (home / "out").write_bytes(data := os.urandom(20 * MIB))
    resume = Resume()
    with _serving(bucket := accounts.WriteOnly()) as where:
        with pytest.raises(StorageUnavailable):
            stage_out(
                site,
                at(home, "out"),
                where,
                Interrupted(lambda done: done > 9 * MIB),
                SETTINGS,
                secret=KEYS,
                resume=resume,
            )
        assert resume.upload_id
        stage_out(site, at(home, "out"), where, Recorder(), SETTINGS, secret=KEYS, resume=resume)
    assert bucket.objects[where.key].data == data


def test_nothing_prints_the_secrets() -> None:
    shown = repr(replace(TEMPORARY, sse_customer_key=CUSTOMER_KEY))
    assert accounts.TOKEN not in shown
    assert CUSTOMER_KEY not in shown


REFUSALS = [
    (error(400, "ExpiredToken"), StorageError, "have expired: send a retry with fresh ones"),
    (error(403, "InvalidAccessKeyId"), StorageError, "check access_key, and session_token"),
    (error(403, "InvalidToken"), StorageError, "check session_token"),
    (error(403, "RequestTimeTooSkewed"), StorageError, "clocks of the store and of the gateway differ"),
    (error(403, "AccessDenied"), StorageError, "no permission for object"),
    (error(403, "InvalidObjectState"), StorageError, "archived: restore it in the store first"),
    (error(400, "XMinioInvalidObjectName"), StorageError, "cannot have an object of this name"),
    (error(409, "FileImmutable"), StorageError, "protects object"),
    (error(409, "ObjectParentIsFile"), StorageError, "an object stands where a folder"),
    (error(400, "KMS.DisabledException"), StorageError, "cannot use the key that it encrypts"),
    (error(403, "NotSignedUp"), StorageError, "refuses this account"),
    (Answer(400, {}, b"Client sent an HTTP request to an HTTPS server.\n"), StorageError, "write https://"),
    (Answer(400, {}, b"<html>The plain HTTP request was sent to HTTPS port"), StorageError, "write https://"),
]


@pytest.mark.parametrize(("refusal", "kind", "says"), REFUSALS, ids=lambda each: str(each)[-30:])
def test_each_refusal_has_its_own_reason(
    refusal: Answer, kind: type[StorageError], says: str, site: SharedFilesystem, home: Path
) -> None:
    (home / "out").write_bytes(b"here")
    bucket = accounts.Refusing(refusal)
    with _serving(bucket) as where:
        with pytest.raises(StorageError, match=says) as caught:
            stage_in(where, site, at(home, "in"), Recorder(), SETTINGS, secret=TEMPORARY)
        with pytest.raises(StorageError, match=says):
            stage_out(site, at(home, "out"), where, Recorder(), SETTINGS, secret=TEMPORARY)
        with (
            closing(open_prefix(replace(where, key="in/"), TEMPORARY, SETTINGS)) as prefix,
            pytest.raises(StorageError, match=says.partition(" for object")[0]),
        ):
            list(prefix.below())
    assert type(caught.value) is kind
    assert len(bucket.asked) == 3  # none is asked twice


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (error(503, "SlowDown"), StorageBusy),
        (error(400, "TooManyRequests"), StorageBusy),
        (error(500, "InternalError"), StorageUnavailable),
        (error(409, "ConditionalRequestConflict"), StorageUnavailable),
        (error(499, "ClientDisconnected"), StorageUnavailable),
        (Answer(408, {}, b"<html><body><h1>408 Request Time-out</h1></body></html>"), StorageUnavailable),
    ],
)
def test_a_storm_that_passes_is_no_failure(
    refusal: Answer, kind: type[StorageError], site: SharedFilesystem, home: Path
) -> None:
    storm = accounts.Refusing(refusal, lambda asked: asked % 3 == 0)
    (home / "out").write_bytes(data := os.urandom(5))
    with _serving(storm) as where:
        stage_out(site, at(home, "out"), where, Recorder(), SETTINGS, secret=KEYS)
    assert storm.objects[where.key].data == data
    with _serving(accounts.Refusing(refusal)) as where, pytest.raises(kind, match="it is tried again"):
        stage_in(where, site, at(home, "in"), Recorder(), SETTINGS, secret=KEYS)


def test_an_ordinary_store_needs_none_of_it(site: SharedFilesystem, home: Path) -> None:
    with _serving(bucket := Listing()) as where:
        _there_and_back(where, KEYS, site, home)
    names = {name for each in bucket.asked for name in each.headers}
    assert not names & {"x-amz-security-token", "x-amz-request-payer"}
