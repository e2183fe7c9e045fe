"""The reader of sensor tables: the same numbers for buffers and ranges of any size; broken tables."""

from pathlib import Path

import numpy as np
import pytest

from hpc_kernels.arrays import Array
from hpc_kernels.errors import BadInputError
from hpc_kernels.tables.csv import reader, source
from hpc_kernels.tables.csv.text import TableText
from hpc_kernels.tables.input import TableInput


@pytest.fixture(params=[7, 64, 1 << 18])
def piece(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    for module in (source,):
        monkeypatch.setattr(module, "BUFFER_BYTES", request.param)
    size: int = request.param
    return size


def read(path: Path, threads: int = 1) -> Array:
    return TableInput(path, threads=threads).read(range).signals


def read_in_parts(path: Path, parts: int, threads: int = 1) -> Array:
    with reader.open_csv(TableText(path)) as text:
        return np.concatenate([text.rows(part, parts, threads).signals for part in range(parts)], axis=1)


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
        table = TableInput(path, threads=threads).read(range)
        assert list(table.names) == [f"s{i}" for i in range(columns)]
        assert np.array_equal(table.signals, values.T)
        for parts in (2, 3, 50):
            assert np.array_equal(read_in_parts(path, parts, threads), values.T)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.usefixtures("piece")
def test_a_bad_cell_is_found_wherever_it_is(tmp_path: Path, threads: int) -> None:
    for bad in range(2, 42, 5):
        lines = ["a;b", *("1.5;x" if row == bad else "1.25;-2e3" for row in range(2, 42))]
        (tmp_path / "x.csv").write_text("\n".join(lines) + "\n")
        with pytest.raises(BadInputError, match=rf"^x.csv: row {bad}, column 2 \('b'\): .* found 'x'$"):
            read(tmp_path / "x.csv", threads)


def test_cells_that_the_fast_parser_leaves_to_the_strict_one(tmp_path: Path) -> None:
    cells = [
        "5e-324",
        "1e-400",
        "123456789012345678901234567890",
        "0.00000000000000000000001234567890123456789",
    ]
    (tmp_path / "x.csv").write_text("\n".join(["a", "1", *cells, "2"]))
    assert read(tmp_path / "x.csv").tolist() == [[1.0, *map(float, cells), 2.0]]


def test_a_share_of_the_columns(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a;b;c\n1;2;3\n4;5;6\n")
    table = TableInput(tmp_path / "x.csv").read(lambda _total: range(1, 2))
    assert list(table.names) == ["a", "b", "c"]
    assert table.signals.tolist() == [[2.0, 5.0]]


def test_a_table_of_many_columns(tmp_path: Path) -> None:
    values = np.random.default_rng(0).standard_normal((3, 100_000)).round(3)
    header = ";".join(f"s{i}" for i in range(100_000))
    (tmp_path / "x.csv").write_text(
        "\n".join([header, *(";".join(map(repr, row)) for row in values.tolist())])
    )
    assert np.array_equal(read(tmp_path / "x.csv", threads=2), values.T)


@pytest.mark.parametrize("sign", ["", "-", "+"])
def test_numbers_of_every_length_with_the_point_at_every_place(tmp_path: Path, sign: str) -> None:
    digits = "31415926535897932384626433832795028841"
    cells = [
        f"{sign}{zeros}{digits[:point]}.{digits[point:length]}"
        for zeros in ("", "0", "000")
        for length in range(1, len(digits))
        for point in range(length + 1)
    ]
    (tmp_path / "x.csv").write_text(
        "\n".join([";".join(f"s{i}" for i in range(len(cells))), ";".join(cells)])
    )
    assert read(tmp_path / "x.csv")[:, 0].tolist() == [float(cell) for cell in cells]


@pytest.mark.parametrize("spell", ["{!r}", "{:.18e}", '"{!r}"', " {!r} ", "{:.1f}"])
@pytest.mark.parametrize("end", ["\n", "\r\n", ";\n", ";\r\n"])
def test_every_number_of_parts_in_every_spelling(tmp_path: Path, spell: str, end: str) -> None:
    values = np.random.default_rng(0).standard_normal((9, 7)).round(1)
    rows = [";".join(map(spell.format, row)) for row in values.tolist()]
    (tmp_path / "x.csv").write_bytes("".join(f"{row}{end}" for row in ["a;b;c;d;e;f;g", *rows]).encode())
    for parts in (*range(1, 12), 1000):
        assert np.array_equal(read_in_parts(tmp_path / "x.csv", parts), values.T)


@pytest.mark.parametrize("row", ["1;2", "1;2;3;4", "1;2;3;4;"])
@pytest.mark.parametrize("parts", [1, 2, 5])
def test_a_ragged_row_is_found_in_any_part(tmp_path: Path, row: str, parts: int) -> None:
    (tmp_path / "x.csv").write_text(f"a;b;c\n1;2;3\n{row}\n4;5;6\n")
    with pytest.raises(
        BadInputError, match=r"^x.csv: row 3, column [34]( \('c'\))?: expected 3 cells, found"
    ):
        read_in_parts(tmp_path / "x.csv", parts)


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a\n" + "1\n" * 1000)
    with reader.open_csv(TableText(tmp_path / "x.csv")) as text:
        (tmp_path / "x.csv").write_text("a\n" + "1\n" * 10)
        with pytest.raises(BadInputError, match=r"^x.csv: became shorter while it was read$"):
            text.rows()


@pytest.mark.timeout(20)
def test_an_odd_quote_in_the_header_does_not_hold_up(tmp_path: Path) -> None:
    rows = "1.5;2.5\n" * 500_000
    (tmp_path / "x.csv").write_text(f'pipe 5";b\n{rows}')
    assert read(tmp_path / "x.csv").shape == (2, 500_000)
    (tmp_path / "x.csv").write_text(f'a;"b\n{rows}')
    with pytest.raises(BadInputError, match=r"^x.csv: row 1: expected the end of a quoted name, found none$"):
        read(tmp_path / "x.csv")


@pytest.mark.parametrize("part", range(3))
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.usefixtures("piece")
def test_every_part_names_the_first_bad_cell_of_the_file(tmp_path: Path, part: int, threads: int) -> None:
    rows = ["1;2;3;4"] * 40
    rows[10], rows[13], rows[20], rows[39] = "1;2;3;x", "1;y;3;4", "z;2;3", ""
    rows.append("1;2;3;4")
    (tmp_path / "x.csv").write_text("\n".join(["a;b;c;d", *rows]))
    with (
        reader.open_csv(TableText(tmp_path / "x.csv")) as text,
        pytest.raises(BadInputError, match=r"^x.csv: row 12, column 4 \('d'\): expected .*, found 'x'$"),
    ):
        text.rows(part, 3, threads)
