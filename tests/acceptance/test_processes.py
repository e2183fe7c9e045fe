"""The started parts: an ordinary account, in `/`, with memory that this account cannot read."""

import os
from pathlib import Path

import psutil
import pytest

from hpc_gateway_commands.demo.stack import Stack
from tests.client import DATA, Client
from tests.conftest import absent
from tests.faults.killing import tree
from tests.ordinary import ordinary_account
from tests.polling import until

PARTS = ("api", "worker", "beat", "flower")
# Launcher, watcher and judge, three Celery workers with pools of four, one and one, and three other parts.
AT_LEAST = 15


@pytest.fixture
def parts(stack: Stack) -> list[psutil.Process]:
    def look() -> list[psutil.Process] | None:
        found = [process for name in PARTS for process in tree(psutil.Process(stack.parts.pid(name)))]
        own = [process for process in found if not _reads_a_table(process)]
        return own if len(own) >= AT_LEAST else None

    return until("all parts have started", look)


def _reads_a_table(process: psutil.Process) -> bool:
    """Tell whether it is the child of a judge, which has a fixed environment and no secret; or has ended."""
    try:
        return "hpc_kernels" in process.cmdline()
    except psutil.NoSuchProcess:
        return True


def test_the_parts_are_an_ordinary_account_s(parts: list[psutil.Process]) -> None:
    account = ordinary_account()
    if os.geteuid() == 0 and account is None:
        absent("an account that can run this environment")
    assert {uid for process in parts for uid in process.uids()} == {account.uid if account else os.getuid()}


def test_an_account_cannot_read_the_memory_of_its_parts(parts: list[psutil.Process]) -> None:
    for process in parts:
        folder = Path(f"/proc/{process.pid}")
        assert (folder / "environ").stat().st_uid == (folder / "mem").stat().st_uid == 0, process
        assert "-P" in process.cmdline()
    if os.geteuid() == 0:
        assert {process.cwd() for process in parts} == {"/"}


def test_files_and_jobs_are_the_account_s(client: Client, stack: Stack) -> None:
    client.put("ordinary.csv", b"x\n1\n2\n3\n")
    path = f"{DATA}/Init_Data/ordinary.csv"
    assert client.moved("/s3_data", client.stage_in("ordinary.csv", path))["status"] == "completed"
    ended = client.finished(client.compute(["fft"], "/Init_Data/ordinary.csv"))
    assert ended["success"], ended["reason"]
    made = [client.file(path), *client.file(f"{DATA}/Output_Data").rglob("*")]
    assert len(made) > 3
    assert {file.lstat().st_uid for file in made} == {stack.home.stat().st_uid}
