"""Rows whose server sends a byte now and then: a try ends after a window, and the row waits."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest

from gateway.db import session_scope
from gateway.settings import get_settings
from gateway.states import TransferState
from gateway.transfers import lifecycle as transfers
from tests.hostile import dripping, endless
from tests.raw import answering, serving
from tests.rows import create
from tests.staging_rows import Bench, work

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LONG = b'HTTP/1.1 200 OK\r\nContent-Length: 100000\r\nETag: "one"\r\n\r\n'
FIRST = b'HTTP/1.1 206 Part\r\nContent-Length: 1\r\nContent-Range: bytes 0-0/100000\r\nETag: "one"\r\n\r\nx'


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'gateway.db'}"


@contextmanager
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("GATEWAY_LEAST_RATE_WINDOW_S", "0.5")
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def _create(src: str) -> UUID:
    with session_scope() as session:
        return create(
            session, transfers.draft_from_url(session, "local", transfers.UrlRequest("hpc", src, "x"))
        )


def test_the_slot_is_given_back_and_the_row_waits(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with _quick(monkeypatch), serving(dripping(LONG), dripping(LONG)) as url:
        row = work(_create(url))
    assert row.state is TransferState.RETRYING
    assert "below the least rate (GATEWAY_LEAST_RATE_BYTES_PER_S); it is tried again" in row.reason


def test_a_part_of_a_file_with_ranges_is_given_up_as_well(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: "one"\r\n\r\n'  # to the question for digests
    with _quick(monkeypatch), serving(answering(FIRST, head), dripping(LONG)) as url:
        row = work(_create(url))
    assert row.state is TransferState.RETRYING
    assert "below the least rate" in row.reason


@pytest.mark.parametrize("begin", [b"5;", b"5\r\nhello\r\n5;"], ids=["at once", "after some bytes"])
def test_a_chunk_extension_without_an_end_is_no_progress(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, begin: bytes
) -> None:
    flood = endless(CHUNKED + begin, b"a" * 65536)
    with _quick(monkeypatch), serving(flood, flood) as url:
        row = work(_create(url))
    assert row.state is TransferState.RETRYING
    assert "below the least rate" in row.reason
