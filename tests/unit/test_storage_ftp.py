"""A file that ftp serves: who waits for it may be stopped, and only while they wait."""

import socket

import pytest

from gateway.errors import StorageUnavailable
from gateway.settings import Settings
from gateway.storage.ftp import FtpFile


class _Stopped(Exception):
    pass


def _stop() -> None:
    raise _Stopped


def test_a_file_is_watched_while_the_block_lasts_and_no_longer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = Settings(allowed_endpoints=["127.0.0.1"], connect_timeout_s=0.5)
        file = FtpFile(f"ftp://127.0.0.1:{silent.getsockname()[1]}/x", settings)
        with pytest.raises(_Stopped), file.watched(_stop):
            file.ask()
        with pytest.raises(StorageUnavailable, match="stopped sending"):
            file.ask()
