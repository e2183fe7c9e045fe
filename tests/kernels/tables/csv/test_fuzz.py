"""Mutated CSV tables: the reader accepts exactly the allowed layouts, and never reads a wrong number."""

import csv
import random
import re
from pathlib import Path

import numpy as np
import pytest

from hpc_kernels.errors import BadInputError
from hpc_kernels.tables import asset_pairs
from hpc_kernels.tables.csv import reader, source
from hpc_kernels.tables.csv.text import TableText

NUMBER = rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
CELL = re.compile(rb"[ \t]*(?:(" + NUMBER + rb")|\"[ \t]*(" + NUMBER + rb")[ \t]*\")[ \t]*")
ALPHABET = b'0123456789.;,-+eE"\r\n\t nxi\0\xff\xef\xbb\xbf'


def obvious(body: bytes, separator: bytes, columns: int) -> list[list[float]] | None:
    """Read the rows below a header the plain way; None where they are broken."""
    lines = body.rstrip(b" \t\r\n").split(b"\n")
    rows = [_row(line.removesuffix(b"\r").split(separator), columns) for line in lines]
    whole = [row for row in rows if row is not None]
    return whole if len(whole) == len(rows) else None


def _row(cells: list[bytes], columns: int) -> list[float] | None:
    if len(cells) == columns + 1 and not cells[-1].strip():
        cells.pop()
    found = [CELL.fullmatch(cell) for cell in cells]
    values = [float(match[1] or match[2]) for match in found if match]
    finite = len(values) == len(cells) == columns and all(abs(value) < float("inf") for value in values)
    return values if finite else None


def table(rng: random.Random, separator: str, columns: int) -> bytearray:
    """Return a few rows in one of the spellings that a table may have."""
    end, trailing = rng.choice(("\n", "\r\n")), rng.choice(("", separator))
    spell = rng.choice((repr, "{:.18e}".format, "{:.0f}".format, '"{}"'.format, " {!r} ".format))
    rows = range(rng.randint(1, 4))
    lines = [separator.join(spell(rng.uniform(-99, 99)) for _ in range(columns)) + trailing for _ in rows]
    return bytearray((end.join(lines) + rng.choice(("", end))).encode())


def mutate(rng: random.Random, body: bytearray) -> None:
    for _ in range(rng.randint(0, 4)):
        place, action = rng.randrange(len(body)), rng.randrange(4)
        if action == 0:
            body.insert(place, rng.choice(ALPHABET))
        elif action == 1 and len(body) > 3:
            del body[place : place + rng.randint(1, 3)]
        else:
            body[place] = rng.choice(ALPHABET)


def read_and_compare(path: Path, rng: random.Random) -> None:
    separator, columns = rng.choice(";,\t"), rng.randint(1, 3)
    body = table(rng, separator, columns)
    mutate(rng, body)
    names = [f"s{i}" for i in range(columns)] if columns > 1 else ["s0", ""]
    mark = rng.choice((b"", b"\xef\xbb\xbf"))
    path.write_bytes(mark + separator.join(names).encode() + b"\n" + body)
    expected = obvious(bytes(body), separator.encode(), columns)
    assert read_or_none(path, rng.randint(1, 3)) == expected, f"{mark + bytes(body)!r}"


def read_or_none(path: Path, parts: int) -> list[list[float]] | None:
    try:
        with reader.open_csv(TableText(path)) as text:
            signals = np.concatenate([text.rows(part, parts, threads=2) for part in range(parts)], axis=1)
    except BadInputError:
        return None
    rows: list[list[float]] = signals.T.tolist()
    return rows


def read_many(path: Path, monkeypatch: pytest.MonkeyPatch, files: int) -> None:
    """One file in ten is read in tiny pieces, by two threads."""
    rng = random.Random(0)  # noqa: S311 (no secret)
    for i in range(files):
        size = rng.randint(5, 40) if i % 10 == 0 else 1 << 18
        for module in (reader, source):
            monkeypatch.setattr(module, "BUFFER_BYTES", size)
        read_and_compare(path, rng)


def test_mutated_asset_pairs(tmp_path: Path) -> None:
    rng, path = random.Random(0), tmp_path / "pairs.csv"  # noqa: S311 (no secret)
    for _ in range(2_000):
        rows = [f"2026-01-{day:02},{rng.uniform(1, 99)!r},2026-02-{day:02},{day}" for day in range(1, 5)]
        body = bytearray("\n".join(["A,,B,", "d,p,d,p", "x,x,x,x", *rows, ""]).encode())
        mutate(rng, body)
        path.write_bytes(body)
        try:
            pairs = asset_pairs.read_asset_pairs(TableText(path), range)
        except BadInputError:
            continue
        cells = [row for row in csv.reader(body.decode("utf-8-sig").splitlines()) if any(row)][3:]
        for asset, prices in enumerate(pairs.prices.tolist()):
            expected = [float(row[2 * asset + 1]) for row in cells if row[2 * asset + 1].strip()]
            assert prices[: len(expected)] == expected, bytes(body)


def test_mutated_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_many(tmp_path / "mutated.csv", monkeypatch, 3_000)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_a_million_mutated_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_many(tmp_path / "mutated.csv", monkeypatch, 1_000_000)
