"""Shared parsing of a CSV table: each rank parses its own bytes, and all get their columns."""

import gzip
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpc_kernels.arrays import Array
from hpc_kernels.errors import BadInputError, StoppedError
from hpc_kernels.ranks.group import Ranks, range_block
from hpc_kernels.tables.csv import reader, source
from hpc_kernels.tables.csv.table_size import estimate_size
from hpc_kernels.tables.csv.text import TableText
from hpc_kernels.tables.input import TableInput
from hpc_kernels.tables.memory import count_blocks

VALUES = np.random.default_rng(0).standard_normal((60, 7))


@pytest.fixture
def text(tmp_path: Path) -> bytes:
    rows = ["a;b;c;d;e;f;g", *(";".join(map(repr, row)) for row in VALUES.tolist())]
    return "\n".join(rows).encode()


def taken(path: Path, rank: int, ranks: int, steps: int) -> list[Array]:
    place = Ranks(rank, ranks, path.parent / f"parts.{ranks}.{steps}")
    table = TableInput(path, ranks=place, blocks=steps)
    blocks = range(steps)
    return [table.read(lambda n, b=b: range_block(place.share(n), b, steps)).signals for b in blocks]  # type: ignore[misc]


@pytest.mark.parametrize("ranks", [1, 2, 3, 9])
@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz"])
def test_all_ranks_together_have_all_signals(
    tmp_path: Path, text: bytes, name: str, ranks: int, steps: int
) -> None:
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    with ThreadPoolExecutor(ranks) as pool:
        shares = list(pool.map(lambda rank: taken(tmp_path / name, rank, ranks, steps), range(ranks)))
    assert np.array_equal(np.concatenate([block for share in shares for block in share]), VALUES.T)


def test_the_text_that_a_killed_attempt_has_unpacked_is_not_taken(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(text))
    (tmp_path / "parts.1.2").mkdir()
    (tmp_path / "parts.1.2" / "text").write_bytes(b"y;z\n1;2\n")
    assert np.array_equal(np.concatenate(taken(tmp_path / "x.csv.gz", 0, 1, 2)), VALUES.T)


def test_a_text_that_finds_no_room_is_not_bad_input(
    tmp_path: Path, text: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(text))
    full = partial(Path("/dev/full").open, "wb")
    monkeypatch.setattr(source, "open_atomically", lambda _place, **_durable: full())
    with pytest.raises(OSError, match="No space left"):
        source.decode_to(tmp_path / "x.csv.gz", tmp_path / "text")


def test_rows_that_may_not_be_left_are_not_bad_input(
    tmp_path: Path, text: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(ranks: Ranks, *_: object) -> None:
        raise PermissionError(13, "Permission denied", str(ranks.folder))

    (tmp_path / "x.csv").write_bytes(text)
    monkeypatch.setattr(Ranks, "put", denied)
    with pytest.raises(PermissionError):
        taken(tmp_path / "x.csv", 0, 1, 2)


def test_a_part_reads_its_bytes_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.csv").write_text("a;b\n" + "1.25;-2\n" * 100_000)
    monkeypatch.setattr(source, "BUFFER_BYTES", 1 << 10)
    with reader.open_csv(TableText(tmp_path / "x.csv")) as opened:
        whole = opened.table.text
        read: list[range] = []

        def fill(buffer: memoryview, start: int) -> int:
            read.append(range(start, start + len(buffer)))
            return whole.source.fill(buffer, start)

        text = replace(whole, source=replace(whole.source, fill=fill))
        part = reader.CsvReader(replace(opened.table, text=text), tmp_path)
        assert part.rows(2, 8).signals.shape == (2, 12_500)
    quarter, more = whole.start + 2 * (whole.stop - whole.start) // 8, 2 << 10
    assert min(some.start for some in read) >= quarter - more
    assert max(some.stop for some in read) <= quarter + (whole.stop - whole.start) // 8 + more
    assert sum(map(len, read)) <= 2 * (whole.stop - whole.start) // 8 + 8 * more  # to count lines, to parse


def test_a_bad_cell_stops_those_that_wait_for_its_rows(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "x.csv").write_bytes(text + b"\n1;2;3;4;5;6;x\n")

    def run(rank: int) -> Any:
        place = Ranks(rank, 3, tmp_path / "parts")
        try:
            return TableInput(tmp_path / "x.csv", ranks=place).read(place.share)
        except BadInputError as error:
            place.fail(2)
            return str(error)
        except StoppedError as error:
            return error.exit_code

    with ThreadPoolExecutor(3) as pool:
        said = list(pool.map(run, range(3)))
    assert said == [2, 2, "x.csv: row 62, column 7 ('g'): expected a finite number, found 'x'"]


def test_all_ranks_go_by_the_one_with_the_least_memory(
    tmp_path: Path, text: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.csv").write_bytes(text)
    with TableText(tmp_path / "x.csv").open() as source:
        size = estimate_size(source)
    for rank, memory in ((1, 2000), (0, 1 << 40)):
        monkeypatch.setenv("HPC_KERNELS_MEMORY_BYTES", str(memory))
        place = Ranks(rank, 2, tmp_path / "parts")
        place.put("blocks.0", np.array([1.0]))  # the part of rank 0, so that rank 1 does not wait
        assert count_blocks(size, place, shares=2) == 3
