"""Mutated CSV tables: the reader accepts exactly the allowed layouts, and never reads a wrong number."""

import csv
import random
import re
from pathlib import Path

import numpy as np
import pytest

from hpc_kernels.errors import BadInputError
from hpc_kernels.jobs.options import resolve_table
from hpc_kernels.tables import asset_pairs
from hpc_kernels.tables.csv import reader, source
from hpc_kernels.tables.csv.text import TableText
from hpc_kernels.tables.reading_options import ReadingOptions

NUMBER = rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
CELL = re.compile(rb"[ \t]*(?:(" + NUMBER + rb")|\"[ \t]*(" + NUMBER + rb")[ \t]*\")[ \t]*")
ALPHABET = b'0123456789.;,-+eE"\r\n\t nxi\0\xff\xef\xbb\xbf'


def obvious(body: bytes, separator: bytes, columns: int) -> list[list[float]] | None:
    """Read the rows below a header the plain way; None where they are broken."""
    lines = body.rstrip(b" \t\r\n").split(b"\n")
    rows = [_row(line.removesuffix(b"\r").split(separator), columns) for line in lines]
    whole = [row for row in rows if row is not None]
    return whole if len(whole) == len(rows) else None


def without_blank_rows(body: bytes, separator: bytes) -> bytes:
    """Return the text without the rows at its end that hold separators and blanks alone."""
    lines = body.split(b"\n")
    while lines and not lines[-1].strip(b" \t\r" + separator):
        lines.pop()
    return b"\n".join(lines)


def newly_understood(body: bytes, separator: bytes, columns: int) -> list[list[list[float]] | None]:
    """Return the readings of a table that was refused before: marks, units, line ends, blank rows."""
    body = without_blank_rows(body.lstrip(b" \r\n"), separator)
    texts = (
        body,
        body.replace(b"\r\n", b"\n").replace(b"\r", b"\n"),
        re.sub(rb"\r+\n", b"\n", body),
    )
    below_units = [text.partition(b"\n")[2].lstrip(b" \r\n") for text in texts]
    rows = [below for below in (*texts, *below_units) if below.strip()]
    pointed = [below.replace(b",", b".") for below in rows if separator != b","]
    return [obvious(below, separator, columns) for below in (*rows, *pointed)]


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
    found = read_or_none(path, rng.randint(1, 3))
    if expected is None and found is not None:
        assert found in newly_understood(bytes(body), separator.encode(), columns), f"{mark + bytes(body)!r}"
    else:
        assert found == expected, f"{mark + bytes(body)!r}"


def read_or_none(path: Path, parts: int) -> list[list[float]] | None:
    try:
        with reader.open_csv(TableText(path)) as text:
            signals = np.concatenate(
                [text.rows(part, parts, threads=2).signals for part in range(parts)], axis=1
            )
    except BadInputError:
        return None
    rows: list[list[float]] = signals.T.tolist()
    return rows


def read_many(path: Path, monkeypatch: pytest.MonkeyPatch, files: int) -> None:
    """One file in ten is read in tiny pieces, by two threads."""
    rng = random.Random(0)  # noqa: S311 (no secret)
    for i in range(files):
        size = rng.randint(5, 40) if i % 10 == 0 else 1 << 18
        for module in (source,):
            monkeypatch.setattr(module, "BUFFER_BYTES", size)
        read_and_compare(path, rng)


MISSING = {b"", b"na", b"nan", b"n/a", b"#n/a", b"null", b"none", b"-", b".", b"?", b"--"}


def obvious_form(body: bytes, separator: bytes, decimal: bytes, columns: int) -> list[list[float]] | None:
    """Read rows of a time, numbers and missing cells the plain way; None where they are broken."""
    rows = []
    for line in without_blank_rows(body.lstrip(b" \r\n"), separator).split(b"\n"):
        cells = line.removesuffix(b"\r").split(separator)
        if len(cells) == columns + 2 and not cells[-1].strip(b" \t\r"):
            cells.pop()
        numbers = [_number_of_form(cell.strip(b" \t\r"), decimal) for cell in cells[1:]]
        if len(cells) != columns + 1 or any(number is None for number in numbers):
            return None
        rows.append([number for number in numbers if number is not None])
    return rows


def _number_of_form(cell: bytes, decimal: bytes) -> float | None:
    if cell.lower() in MISSING:
        return float("nan")
    pointed = cell if decimal == b"." else cell.replace(b".", b"x").replace(decimal, b".")
    number = float(pointed) if re.fullmatch(NUMBER, pointed) else float("inf")
    return number if abs(number) < float("inf") else None


def may_be_refused(body: bytes, rows: list[list[float]]) -> bool:
    """Return whether a table has a carriage return in a cell, or a first row that may be no sample."""
    return b"\r" in body.replace(b"\r\n", b"\n") or bool(np.isnan(rows[0]).all())


def compare_forms(path: Path, rng: random.Random) -> None:
    separator, decimal, columns = rng.choice(";\t|"), rng.choice(".,"), rng.randint(1, 3)
    body = bytearray()
    for i in range(rng.randint(1, 4)):
        cells = [
            repr(rng.uniform(-99, 99)).replace(".", decimal) if rng.random() < 0.8 else "NA"
            for _ in range(columns)
        ]
        body += separator.join([f"2026-01-0{i + 1}", *cells, *rng.choice(([], [""]))]).encode() + b"\n"
    mutate(rng, body)
    if b'"' in body or not body.strip(b" \t\r\n"):
        return
    header = separator.join(["t", *(f"s{i}" for i in range(columns))])
    path.write_bytes(header.encode() + b"\n" + body)
    given = {
        "separator": separator,
        "decimal": decimal,
        "time_column": "t",
        "missing": "previous",
        "header": True,
    }
    options = ReadingOptions.of(resolve_table(given))
    expected = obvious_form(bytes(body), separator.encode(), decimal.encode(), columns)
    try:
        with reader.open_csv(TableText(path), options) as text:
            found = [text.rows(part, 2, threads=2).signals for part in range(2)]
    except BadInputError:
        assert expected is None or may_be_refused(bytes(body), expected), bytes(body)
        return
    assert expected is not None, bytes(body)
    assert np.array_equal(np.concatenate(found, axis=1).T, expected, equal_nan=True), bytes(body)


def test_mutated_forms(tmp_path: Path) -> None:
    rng = random.Random(0)  # noqa: S311 (no secret)
    for _ in range(2_000):
        compare_forms(tmp_path / "mutated.csv", rng)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_a_million_mutated_forms(tmp_path: Path) -> None:
    rng = random.Random(1)  # noqa: S311 (no secret)
    for _ in range(1_000_000):
        compare_forms(tmp_path / "mutated.csv", rng)


def has_price(row: list[str]) -> bool:
    """Return whether a row is one of prices, which is never a header."""
    pairs = zip(row[::2], row[1::2], strict=False)
    return any(
        re.fullmatch(r" *\d{4}-\d\d-\d\d *", day) and any(map(str.isdigit, price)) for day, price in pairs
    )


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
        rows_of_file = [row for row in csv.reader(body.decode("utf-8-sig").splitlines()) if any(row)]
        headers = next((i for i, row in enumerate(rows_of_file[:3]) if has_price(row)), 3)
        cells = rows_of_file[headers:]
        for asset, prices in enumerate(pairs.prices.tolist()):
            expected = [float(row[2 * asset + 1]) for row in cells if row[2 * asset + 1].strip()]
            assert prices[: len(expected)] == expected, bytes(body)


def test_mutated_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_many(tmp_path / "mutated.csv", monkeypatch, 3_000)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_a_million_mutated_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_many(tmp_path / "mutated.csv", monkeypatch, 1_000_000)
