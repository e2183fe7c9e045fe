"""Reading sensor tables: pieces and ranges of any size give the same, and broken ones never a number."""

import math
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpc_kernels import csv_input
from hpc_kernels.errors import BadInputError


@pytest.fixture(params=[7, 64, 1 << 22])
def piece(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(csv_input, "_PIECE", request.param)
    size: int = request.param
    return size


@pytest.mark.parametrize("threads", [1, 2, 5, 40])
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 30), (30, 1), (17, 5), (8, 3)])
@pytest.mark.usefixtures("piece")
def test_any_size_of_pieces_and_any_number_of_threads(
    tmp_path: Path, threads: int, rows: int, columns: int
) -> None:
    values = np.random.default_rng(rows).standard_normal((rows, columns))
    for end, trailing in (("\n", ""), ("\r\n", ";"), ("\n", ";")):
        lines = [";".join(f"s{i}" for i in range(columns)) + trailing]
        lines += [";".join(map(repr, row)) + trailing for row in values.tolist()]
        path = tmp_path / "x.csv"
        path.write_bytes(end.join(lines).encode())
        names, signals = csv_input.read(path, range, threads)
        assert names == [f"s{i}" for i in range(columns)]
        assert np.array_equal(signals, values.T)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.usefixtures("piece")
def test_a_bad_cell_is_found_wherever_it_is(tmp_path: Path, threads: int) -> None:
    for bad in range(2, 42, 5):
        lines = ["a;b", *("1.5;x" if row == bad else "1.25;-2e3" for row in range(2, 42))]
        (tmp_path / "x.csv").write_text("\n".join(lines) + "\n")
        with pytest.raises(BadInputError, match=rf"^x.csv: row {bad}, column 2 \('b'\): .* found 'x'$"):
            csv_input.read(tmp_path / "x.csv", range, threads)


def test_what_the_fast_parser_leaves_to_the_slow_one(tmp_path: Path) -> None:
    cells = [
        "5e-324",
        "1e-400",
        "123456789012345678901234567890",
        "0.00000000000000000000001234567890123456789",
    ]
    (tmp_path / "x.csv").write_text("\n".join(["a", "1", *cells, "2"]))
    assert csv_input.read(tmp_path / "x.csv", range)[1].tolist() == [[1.0, *map(float, cells), 2.0]]


def test_a_share_of_the_columns(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a;b;c\n1;2;3\n4;5;6\n")
    names, signals = csv_input.read(tmp_path / "x.csv", lambda _total: range(1, 2))
    assert names == ["a", "b", "c"]
    assert signals.tolist() == [[2.0, 5.0]]
    assert csv_input.read(tmp_path / "x.csv", lambda _total: range(0))[1].shape == (0, 2)


def test_a_table_of_many_columns(tmp_path: Path) -> None:
    values = np.random.default_rng(0).standard_normal((3, 100_000)).round(3)
    header = ";".join(f"s{i}" for i in range(100_000))
    (tmp_path / "x.csv").write_text(
        "\n".join([header, *(";".join(map(repr, row)) for row in values.tolist())])
    )
    assert np.array_equal(csv_input.read(tmp_path / "x.csv", range, 2)[1], values.T)


def obvious(text: bytes) -> list[list[float]] | None:
    """Read a table of two columns the slow way; None where it is broken."""
    lines = text.rstrip(b" \t\r\n").split(b"\n")[1:]
    table = []
    for line in lines:
        cells = line.removesuffix(b"\r").split(b";")
        if len(cells) == 3 and not cells[2].strip(b" \t\r"):
            cells.pop()
        try:
            row = [float(cell.strip(b" \t").decode()) for cell in cells]
        except ValueError:
            return None
        if len(row) != 2 or not all(map(math.isfinite, row)):
            return None
        table.append(row)
    return table or None


def check(path: Path, text: bytes) -> None:
    """Either the right numbers or a plain refusal; what only Python's `float` takes may be refused."""
    path.write_bytes(text)
    try:
        _, signals = csv_input.read(path, range, 2)
    except BadInputError:
        return
    assert signals.T.tolist() == obvious(text.replace(b'"', b""))


@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9)), min_size=1, max_size=9), st.data())
def test_a_mutated_file_gives_no_wrong_number(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, float]], data: st.DataObject
) -> None:
    body = bytearray("\n".join(f"{a!r};{b!r}" for a, b in rows).encode() + b"\n")
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place] = data.draw(st.sampled_from(list(b'0123456789.;,-+eE"\r\n\t nx\0\xff')))
    check(tmp_path_factory.getbasetemp() / "mutated.csv", b"a;b\n" + bytes(body))


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_million_mutated_files(tmp_path: Path) -> None:
    rng = random.Random(0)  # noqa: S311 (no secret)
    for _ in range(1_000_000):
        rows = [f"{rng.uniform(-99, 99)!r};{rng.randint(-9, 9)}" for _ in range(rng.randint(1, 4))]
        body = bytearray("\n".join(rows).encode() + b"\n")
        for _ in range(rng.randint(1, 4)):
            body[rng.randrange(len(body))] = rng.choice(b'0123456789.;,-+eE"\r\n\t nx\0\xff')
        check(tmp_path / "mutated.csv", b"a;b\n" + bytes(body))
