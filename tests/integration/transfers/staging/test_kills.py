"""Staging in processes that are killed in the middle, through a network that fails: every byte arrives."""

import hashlib
import json
import logging
import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from gateway.storage.address import S3Address
from tests.fault_proxy import Fault, Mark, Proxy
from tests.staging import everything, open_uploads

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIB = 1 << 20
SIZES = [0, 1, 5_000, MIB, 8 * MIB, 8 * MIB + 1, 20 * MIB, 60 * MIB, 200 * MIB]
KEYS = ["a/b", "with space", "größe", "plus+sign", "per%20cent", "日本/x"]
FAULTS = ["none"] * 9 + ["cut", "cut", "stall", "truncate", "corrupt", "busy", "slow"]
TRANSFERS = 120
IN_CI = 12
LONG = [pytest.mark.long, pytest.mark.timeout(900)]
MOST_TRIES, MOST_KILLS = 40, 3
POLL_S = 0.01
_log = logging.getLogger(__name__)


@pytest.fixture(scope="module")
def shares() -> Iterator[list[float]]:
    """Collect how much of a transfer's bytes had passed at each kill; most kills must be in the middle."""
    collected: list[float] = []
    yield collected
    middle = [share for share in collected if 0.05 <= share <= 0.95]
    _log.info("%s kills, %s of them between 5 and 95 %% of the bytes", len(collected), len(middle))
    assert len(middle) >= 0.75 * len(collected)


def _random_fault(chance: random.Random) -> Fault:
    return Fault(chance.choice(FAULTS), chance.randrange(20_000, 9 * MIB), upwards=chance.random() < 0.5)


def _case(seed: int) -> object:
    """Name the case by its shard of ten as well, so that `-k shard03` runs those alone."""
    return pytest.param(seed, marks=LONG if seed >= IN_CI else [], id=f"shard{seed // 10:02}-{seed}")


@pytest.mark.parametrize("seed", [_case(seed) for seed in range(TRANSFERS)])
def test_every_byte_arrives_whatever_happens(
    *, seed: int, faulty: Proxy, there: S3Address, s3: "S3Client", tmp_path: Path, shares: list[float]
) -> None:
    chance = random.Random(seed)  # noqa: S311 (repeatable)
    data = chance.randbytes(chance.choice(SIZES[:-1] if seed < IN_CI else SIZES))
    key = f"{chance.choice(KEYS)}/{uuid4().hex}"
    home = tmp_path / "home"
    home.mkdir()
    if inwards := bool(seed % 2):
        s3.put_object(Bucket="data", Key=key, Body=data)
    else:
        (home / "x").write_bytes(data)
    faulty.restart(lambda _: _random_fault(chance))
    orders = {
        "inwards": inwards,
        "home": str(home),
        "name": "x",
        "endpoint": there.endpoint,
        "key": key,
        "resume": str(tmp_path / "resume"),
        "token": uuid4().hex,
        "begun_at": datetime.now(UTC).isoformat(),
    }
    shares += _try_until_done(orders, faulty, len(data), chance)
    arrived = (home / "x").read_bytes() if inwards else s3.get_object(Bucket="data", Key=key)["Body"].read()
    assert hashlib.sha256(arrived).digest() == hashlib.sha256(data).digest()
    assert everything(home) == ["x"]
    assert open_uploads(s3) == []


def _try_until_done(orders: object, faulty: Proxy, size: int, chance: random.Random) -> list[float]:
    """Start tries as the sweeper does, and kill some of them; return how much had passed in each of those.

    A kill comes while bytes pass, which then only crawl. Of a tiny file it comes during the first request.
    """
    shares: list[float] = []
    for _ in range(MOST_TRIES):
        is_doomed = len(shares) < MOST_KILLS and chance.random() < 0.75
        mark = faulty.mark(max(1, size * chance.uniform(0.05, 0.9)) if is_doomed else float("inf"))
        argv = [sys.executable, "-m", "tests.stage_once", json.dumps(orders)]
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if _reaches(mark, process):
            process.kill()
            shares += [mark.passed / size] if size >= MIB else []
        _, said = process.communicate()
        if process.returncode == 0:
            return shares
        assert process.returncode in {1, -9}, said.decode()
    raise AssertionError(f"{MOST_TRIES} tries were not enough")


def _reaches(mark: Mark, process: "subprocess.Popen[bytes]") -> bool:
    """Wait until the process ends by itself, or the mark is reached before that."""
    while process.poll() is None:
        if mark.reached.wait(POLL_S):
            return True
    return False
