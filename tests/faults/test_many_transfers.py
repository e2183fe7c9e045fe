"""Many transfers through a bad network, while their worker is killed at random: every byte arrives."""

import hashlib
import logging
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from hpc_gateway_commands.demo.stack import Stack, running_stack
from tests.client import BUCKET, DATA, Client, Status, client_of
from tests.conftest import its_database
from tests.fault_proxy import Fault, proxy
from tests.faults.conftest import SETTINGS
from tests.faults.history import History
from tests.faults.killing import kill_part
from tests.polling import until

MIB = 1 << 20
SIZES = [0, 1, 5_000, MIB, 8 * MIB, 8 * MIB + 1, 20 * MIB, 20 * MIB, 60 * MIB, 60 * MIB, 200 * MIB]
KEYS = ["a/b", "with space", "größe", "plus+sign", "per%20cent", "日本/x"]
FAULTS = ["none", "cut", "truncate", "busy", "corrupt"] + ["slow"] * 9
SLOW_BYTES_PER_S = 3 << 20
AT_ONCE = 12
SEEDS = 7
KILLS = 8
WITHIN_S = 270.0
Try = tuple[str, int]  # the transfer's id, and the number of its claim
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Move:
    """A transfer, and what must be at its end."""

    url: str
    row: Status
    place: str
    sha256: str


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One whose transfers may lose their worker as often as these tests kill it."""
    folder = tmp_path_factory.mktemp("many") / "stack"
    settings = {**SETTINGS, "GATEWAY_RETRIES": "50", "GATEWAY_RETRY_S": "0.5"} | its_database(request)
    with running_stack(folder, print, flower=False, settings=settings) as running:
        yield running


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[Client]:
    with client_of(stack) as connected:
        yield connected


def _fault(chance: random.Random) -> Fault:
    kind, after = chance.choice(FAULTS), chance.randrange(20_000, 9 * MIB)
    return Fault(kind, after, upwards=chance.random() < 0.5, bytes_per_s=SLOW_BYTES_PER_S)


def _start(client: Client, chance: random.Random, name: str, endpoint: str) -> Move:
    data = chance.randbytes(chance.choice(SIZES))
    key, path = f"{chance.choice(KEYS)}/{name}", f"{DATA}/many/{name}"
    digest = hashlib.sha256(data).hexdigest()
    if chance.random() < 0.5:
        client.put(key, data)
        return Move("/s3_data", client.stage_in(key, path, endpoint=endpoint), path, digest)
    client.write(path, data)
    return Move("/s3_result", client.stage_out(path, key, endpoint=endpoint), key, digest)


def _all_ended(client: Client, moves: list[Move]) -> bool:
    return all(client.get(f"{move.url}/{move.row['id']}")["status"] != "transferring" for move in moves)


def _kill_again_and_again(client: Client, chance: random.Random, moves: list[Move]) -> set[Try]:
    """Kill the worker, each time soon after one more transfer is half-way; return the tries it met there."""
    met: set[Try] = set()

    def one_more_is_half_way() -> bool:
        return not _rows(_half_way(client, moves)) <= _rows(met) or _all_ended(client, moves)

    for _ in range(KILLS):
        until("one more transfer is half-way", one_more_is_half_way, WITHIN_S)
        time.sleep(chance.uniform(0, 0.3))
        if _all_ended(client, moves):
            break
        kill_part(client.stack, "worker")
        met |= _half_way(client, moves)  # nobody writes these rows any more
        client.stack.start_worker()
    return met


def _rows(tries: set[Try]) -> set[str]:
    return {row for row, _ in tries}


def _half_way(client: Client, moves: list[Move]) -> set[Try]:
    """Return the tries that are not over and have moved 5 to 95 % of their transfer's bytes."""
    history = History(client.stack)
    rows = [client.get(f"{move.url}/{move.row['id']}") for move in moves]
    moving = [row for row in rows if row["state"] == "transferring" and row["bytes_total"]]
    half = [row for row in moving if 0.05 <= row["bytes_done"] / row["bytes_total"] <= 0.95]
    return {(row["id"], max(history.claims(row))) for row in half}


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [pytest.param(n, id=f"stack{n:02}") for n in range(SEEDS)])
def test_every_byte_arrives_whoever_is_killed(client: Client, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 (repeatable)
    with proxy(client.stack.store.port, lambda _: _fault(chance)) as faulty:
        moves = [_start(client, chance, f"{seed}-{n}", faulty.url) for n in range(AT_ONCE)]
        met = _kill_again_and_again(client, chance, moves)
        for move in moves:
            ended = client.moved(move.url, move.row, WITHIN_S)
            assert (ended["status"], ended["bytes_done"]) == ("completed", ended["bytes_total"]), ended
    for move in moves:
        assert hashlib.sha256(_arrived(client, move)).hexdigest() == move.sha256
    _log.info("%s tries were killed half-way, of %s of %s transfers", len(met), len(_rows(met)), AT_ONCE)
    assert len(_rows(met)) >= AT_ONCE // 4  # some are too small to be met
    assert not [path for path in client.stack.home.rglob(".*") if path.suffix in {".part", ".notes"}]
    assert "Uploads" not in client.s3.list_multipart_uploads(Bucket=BUCKET)


def _arrived(client: Client, move: Move) -> bytes:
    return client.file(move.place).read_bytes() if move.url == "/s3_data" else client.stored(move.place)
