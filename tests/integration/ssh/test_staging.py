"""Staging between a store and a cluster behind SFTP: verified, resumed, and read back only without a tool."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.filesystems.sftp import digests
from gateway.filesystems.sftp.filesystem import SftpFilesystem
from gateway.storage.address import S3Address
from tests.sshd import Sshd
from tests.staging import SETTINGS, Recorder, at, everything, stage_in, stage_out

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.mark.parametrize("size", [0, 1000, (40 << 20) + 17])
def test_there_and_back_again(
    size: int, s3: "S3Client", address: S3Address, files: SftpFilesystem, home: Path
) -> None:
    data = os.urandom(size)
    (home / "up").write_bytes(data)
    sent, received = Recorder(), Recorder()
    stage_out(files, at(home, "up"), address, sent, SETTINGS)
    assert s3.get_object(Bucket="data", Key=address.key)["Body"].read() == data
    stage_in(address, files, at(home, "new/down"), received, SETTINGS)
    assert (home / "new/down").read_bytes() == data
    assert sent.total == received.total == size
    assert everything(home) == ["new", "new/down", "up"]


@pytest.mark.parametrize("with_tool", [True, False], ids=["tool", "read-back"])
def test_a_digest_of_the_whole_is_computed_on_the_cluster(
    *,
    with_tool: bool,
    s3: "S3Client",
    address: S3Address,
    files: SftpFilesystem,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = os.urandom(20 << 20)
    s3.put_object(Bucket="data", Key=address.key, Body=data)  # its ETag is an MD5
    if not with_tool:
        monkeypatch.setattr(digests, "TOOLS", {})
    outcome = stage_in(address, files, at(home, "down"), Recorder(), SETTINGS)
    assert (home / "down").read_bytes() == data
    assert "md5" in outcome.verification


def test_the_tools_agree_and_an_odd_name_is_no_option(sshd: Sshd, home: Path) -> None:
    (home / "-x\n y").write_bytes(b"abc")
    cluster = sshd.cluster(home)
    found = {name: digests.compute_digest(cluster, f"{home}/-x\n y", 3, name) for name in digests.TOOLS}
    assert {name: digest and len(digest) for name, digest in found.items()} == {
        "sha512": 64,
        "sha256": 32,
        "sha1": 20,
        "md5": 16,
    }
    assert digests.compute_digest(cluster, f"{home}/gone", 3, "md5") is None
    assert digests.compute_digest(cluster, f"{home}/-x\n y", 3, "crc64nvme") is None
