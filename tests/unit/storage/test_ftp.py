"""A file on an FTP server: its watch may stop a waiting block, and is called in that block alone."""

import pytest

from gateway.errors import StorageUnavailable
from gateway.settings import Settings
from gateway.storage.ftp import FtpFile
from tests.raw import serving, silent_after


class _Stopped(Exception):
    pass


def _stop() -> None:
    raise _Stopped


def test_a_file_is_watched_while_the_block_lasts_and_no_longer() -> None:
    settings = Settings(allowed_endpoints=["127.0.0.1"], connect_timeout_s=0.5)
    with serving(silent_after(), silent_after()) as url:
        file = FtpFile(url.replace("http", "ftp"), settings)
        with pytest.raises(_Stopped), file.watched(_stop):
            file.ask()
        with pytest.raises(StorageUnavailable, match="stopped sending"):
            file.ask()
