"""Many transfers through a bad network, while their worker is killed at random: every byte arrives."""

import hashlib
import logging
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import pytest

from gateway.demo.stack import Stack, running_stack
from tests.client import BUCKET, DATA, Client, Status, client_of
from tests.conftest import its_database
from tests.fault_proxy import Fault, proxy
from tests.faults.conftest import SETTINGS
from tests.faults.history import History
from tests.faults.killing import kill_part
from tests.polling import until

MIB = 1 << 20
SIZES = [0, 1, 5_000, MIB, 8 * MIB, 8 * MIB + 1, 20 * MIB, 60 * MIB, 60 * MIB]
KEYS = ["a/b", "with space", "größe", "plus+sign", "per%20cent", "日本/x"]
FAULTS = ["none"] * 3 + ["cut"] * 2 + ["busy"] + ["slow"] * 7
AT_ONCE = 12
KILLS = 8
WITHIN_S = 270.0
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
    return Fault(chance.choice(FAULTS), chance.randrange(20_000, 9 * MIB), upwards=chance.random() < 0.5)


def _start(client: Client, chance: random.Random, name: str, endpoint: str) -> Move:
    data = chance.randbytes(chance.choice(SIZES))
    key, path = f"{chance.choice(KEYS)}/{name}", f"{DATA}/many/{name}"
    digest = hashlib.sha256(data).hexdigest()
    if chance.random() < 0.5:
        client.put(key, data)
        return Move("/s3_data", client.stage_in(key, path, endpoint=endpoint), path, digest)
    file = client.file(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return Move("/s3_result", client.stage_out(path, key, endpoint=endpoint), key, digest)


def _all_ended(client: Client, moves: list[Move]) -> bool:
    return all(client.get(f"{move.url}/{move.row['id']}")["status"] != "transferring" for move in moves)


def _kill_again_and_again(client: Client, chance: random.Random, moves: list[Move]) -> None:
    """Kill the worker, whatever it does at that moment, each time soon after a new one has begun."""
    for _ in range(KILLS):
        before = _claims(client, moves)
        begun = partial(_begun, client, moves, before)
        until("the worker has begun", begun, WITHIN_S)
        time.sleep(chance.uniform(0, 1))
        if _all_ended(client, moves):
            return
        kill_part(client.stack, "worker")
        client.stack.start_worker()


def _begun(client: Client, moves: list[Move], before: int) -> bool:
    return _claims(client, moves) > before or _all_ended(client, moves)


def _claims(client: Client, moves: list[Move]) -> int:
    history = History(client.stack)
    return sum(max(history.claims(move.row)) for move in moves)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(4))
def test_every_byte_arrives_whoever_is_killed(client: Client, history: History, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 (repeatable)
    with proxy(client.stack.store.port, lambda _: _fault(chance)) as faulty:
        moves = [_start(client, chance, f"{seed}-{n}", faulty.url) for n in range(AT_ONCE)]
        _kill_again_and_again(client, chance, moves)
        for move in moves:
            ended = client.moved(move.url, move.row, WITHIN_S)
            assert (ended["status"], ended["bytes_done"]) == ("completed", ended["bytes_total"]), ended
    for move in moves:
        assert hashlib.sha256(_arrived(client, move)).hexdigest() == move.sha256
    repeated = [move for move in moves if ("transferring", "transferring") in pairwise(history.of(move.row))]
    _log.info("%s of %s were taken up again after a kill", len(repeated), len(moves))
    assert not [path for path in client.stack.home.rglob(".*") if path.suffix in {".part", ".notes"}]
    assert "Uploads" not in client.s3.list_multipart_uploads(Bucket=BUCKET)


def _arrived(client: Client, move: Move) -> bytes:
    return client.file(move.place).read_bytes() if move.url == "/s3_data" else client.stored(move.place)
