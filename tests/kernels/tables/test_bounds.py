"""Hostile tables: files that claim or decompress to gigabytes end with one line, before memory is taken."""

import gzip
import json
import re
import resource
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
import pytest

from hpc_kernels.errors import BAD_INPUT, LACK_OF_MEMORY, BadInputError
from hpc_kernels.ranks.group import Ranks
from hpc_kernels.tables.asset_pairs import read_asset_pairs
from hpc_kernels.tables.bounds import LONGEST_CELL, LONGEST_LABELS, MOST_COLUMNS
from hpc_kernels.tables.csv import bounded_lines, header, source
from hpc_kernels.tables.csv.text import TableText
from hpc_kernels.tables.input import TableInput
from hpc_kernels.tables.labels import read_labels
from tests.kernels.job_folder import JobFolder

MOST_BYTES = 300 << 20  # of a rank that refuses its table, the interpreter included
GRANT = 64 << 20
MEMBER, MEMBERS = 1 << 24, 24  # 384 MiB of text in less than a megabyte

SENSORS = {
    "endless header": (b"", b"x", "row 1: expected at most 16,777,216 bytes, found a longer row"),
    "endless quoted header": (b'"', b"x", "row 1: expected at most 16,777,216 bytes, found a longer row"),
    "endless row": (b"a\n", b"1", "the row that begins at byte 3 has 402,653,185 bytes; expected at most"),
    "endless samples": (
        b"a\n",
        b"0\n",
        "201,326,593 samples take 1,610,612,744 bytes of memory, and this rank",
    ),
    "short rows": (b"a;b\n1;2\n", b"0\n", r"row 3, column 2 \('b'\): expected 2 cells, found 1"),
    "blank rows": (b"a;b\n1;2\n", b"\n", "row 3, column 1: expected 2 cells, found a blank line"),
}
PRICES = {
    "endless line": (b"", b"x", "row 1: expected fewer than 33,554,432 bytes"),
    "endless quoted row": (b"A,", b'"\n",', "row 1: expected at most 1,048,576 columns"),
    "endless prices": (b"A,\nd,p\nx,x\n", b"2026-01-02,1\n", r"samples take [0-9,]+ bytes of memory, and"),
}


@pytest.fixture
def granted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPC_KERNELS_MEMORY_BYTES", str(GRANT))


@pytest.fixture(scope="module", autouse=True)
def compiled(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Fill the cache of machine code: a process that compiles takes 100 MB more."""
    jobs = JobFolder(tmp_path_factory.mktemp("compiled"))
    for text in ("a;b\n1;2\n", "a;b\n1;x\n"):
        jobs.run(jobs.input(text), {"min_max": {}})


def pack(first: bytes, repeated: bytes) -> bytes:
    """Compress `first`, then many members of one repeated text, and an end that is not blank."""
    member = gzip.compress(repeated * (MEMBER // len(repeated)), 9)
    return gzip.compress(first) + MEMBERS * member + gzip.compress(b"1")


def refused(jobs: JobFolder, table: Path, service: str = "min_max", samples: int = 0, **changes: Any) -> str:
    """Run a job that has to refuse its table with little memory; return its one line."""
    codes = jobs.run(table, {service: {}}, **changes)
    assert codes == [LACK_OF_MEMORY if "bytes of memory" in jobs.stderr else BAD_INPUT], jobs.stderr
    assert jobs.stderr.count("\n") == 1, jobs.stderr
    assert jobs.stderr.startswith(f"{table.name}: "), jobs.stderr
    used = json.loads((jobs.output / "usage.0.json").read_text())
    assert used["peak_rss_bytes"] < MOST_BYTES + 8 * samples
    return jobs.stderr


@pytest.mark.parametrize(("first", "repeated", "message"), SENSORS.values(), ids=SENSORS.keys())
@pytest.mark.usefixtures("granted")
def test_packed_sensor_tables(jobs: JobFolder, first: bytes, repeated: bytes, message: str) -> None:
    assert re.search(message, refused(jobs, jobs.input(pack(first, repeated), "x.csv.gz")))


@pytest.mark.parametrize(("first", "repeated", "message"), PRICES.values(), ids=PRICES.keys())
@pytest.mark.usefixtures("granted")
def test_packed_price_files(jobs: JobFolder, first: bytes, repeated: bytes, message: str) -> None:
    table = jobs.input(pack(first, repeated), "x.csv.gz")
    assert re.search(message, refused(jobs, table, "black_scholes", layout="asset_pairs"))


@pytest.mark.usefixtures("granted")
def test_a_packed_table_of_several_ranks(jobs: JobFolder) -> None:
    table = jobs.input(pack(b"a\n", b"1"), "x.csv.gz")
    assert jobs.run(table, {"min_max": {}}, ranks=2) == [2, 2]
    assert "the row that begins at byte 3 has" in jobs.stderr
    used = [json.loads(path.read_text())["peak_rss_bytes"] for path in jobs.output.glob("usage.*.json")]
    assert max(used) < MOST_BYTES


@pytest.mark.parametrize("layout", ["sensor_table", "asset_pairs"])
def test_a_plain_endless_line(jobs: JobFolder, layout: str) -> None:
    table = jobs.input("", "x.csv")
    with table.open("r+b") as file:
        file.truncate(1 << 30)  # zeros, which take no space
        file.seek(0, 2)
        file.write(b"1\n")
    said = refused(jobs, table, layout=layout)
    assert re.search("row 1: expected fewer than 33,554,432 bytes|found text in UTF-32, .* or binary", said)


def test_a_row_as_wide_as_is_allowed(jobs: JobFolder) -> None:
    columns = MOST_COLUMNS
    names, row = b";".join([b"n123456789"] * columns), b";".join([b"-1.2345678901234567e-100"] * columns)
    table = jobs.input(b"\n".join([names, row, row[:-1] + b"x"]), "x.csv")
    assert "'-1.2345678901234567e-10x'" in refused(jobs, table, samples=2 * columns)
    table = jobs.input(b"\n".join([names, row + b";1"]), "x.csv")
    assert f"expected {columns} cells, found {columns + 1}" in refused(jobs, table)


def test_too_many_columns(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    message = f"^x.csv: (row 1: )?expected at most {MOST_COLUMNS:,} columns"
    for separator in (";", ",", "\t"):
        path.write_text(f"a{separator}" * (MOST_COLUMNS + 2) + "\n1\n")
        with pytest.raises(BadInputError, match=message):
            TableInput(path).read(range)
    path.write_text("a,," * (MOST_COLUMNS // 2 + 1))
    with pytest.raises(BadInputError, match=message):
        TableInput(path, "asset_pairs").read(range)


@pytest.mark.parametrize("cell", ["1" * 200_000, "0" * 200_000 + "1", " " * 200_000 + "1"])
def test_a_cell_that_is_too_long(tmp_path: Path, cell: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(f"a;b\n1;{cell}\n")
    message = rf"^x.csv: row 2, column 2 \('b'\): expected a number of at most {LONGEST_CELL:,} bytes, found"
    with pytest.raises(BadInputError, match=message):
        TableInput(path).read(range)


@pytest.mark.parametrize("cell", ["1" + 90_000 * "0" + "e-90000", "0" * 100_000 + "1", " " * 100_000 + "1"])
def test_a_long_cell_is_read(tmp_path: Path, cell: str) -> None:
    (tmp_path / "x.csv").write_text(f"a\n{cell}\n")
    assert TableInput(tmp_path / "x.csv").read(range).signals.tolist() == [[1.0]]


@pytest.mark.parametrize("packed", [False, True])
def test_a_header_of_the_longest_length_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, packed: bool
) -> None:
    path = tmp_path / ("x.csv.gz" if packed else "x.csv")
    monkeypatch.setattr(header, "LONGEST_HEADER", 20)
    for names, fits in ((["abcdefghi", "klmnopqrs"], True), (["abcdefghi", "klmnopqrst"], False)):
        for text in (";".join(names) + "\n1;2\n", ";".join(f'"{name[2:]}"' for name in names) + "\n1;2\n"):
            path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
            if fits:
                assert TableInput(path).read(range).signals.tolist() == [[1.0], [2.0]]
            else:
                with pytest.raises(BadInputError, match=r"row 1: expected at most .* found a longer row"):
                    TableInput(path).read(range)


def test_decompressed_text_in_a_scratch_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpc_kernels.tables.csv.text.KEPT_TEXT", 1 << 10)
    monkeypatch.chdir(tmp_path)
    values = np.random.default_rng(0).standard_normal((200_000, 2))
    rows = "\n".join(f"{a!r};{b!r}" for a, b in values.tolist())
    Path("x.csv.gz").write_bytes(gzip.compress(f"a;b\n{rows}".encode(), 1))
    assert np.array_equal(TableInput(Path("x.csv.gz"), threads=2).read(range).signals, values.T)
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv.gz"]


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_text_for_which_the_filesystem_has_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ranks: int
) -> None:
    usage = type("Usage", (), {"free": 2 << 20})
    monkeypatch.setattr("hpc_kernels.tables.csv.text.KEPT_TEXT", 1 << 10)
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: usage)
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(b"a\n" + b"1\n" * (1 << 20)))
    text = TableText(tmp_path / "x.csv.gz", Ranks(0, ranks, tmp_path / "parts"))
    message = "^x.csv.gz: decompressed, it takes more than 1,048,576 bytes, half of the free space"
    with pytest.raises(BadInputError, match=message), text.open():
        pass
    assert not list((tmp_path / "parts").iterdir())


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_text_beyond_the_limit_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ranks: int
) -> None:
    monkeypatch.setattr("hpc_kernels.tables.csv.text.KEPT_TEXT", 1 << 10)
    monkeypatch.setattr("resource.getrlimit", lambda _: (1 << 20, resource.RLIM_INFINITY))
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(b"a\n" + b"1\n" * (1 << 20)))
    text = TableText(tmp_path / "x.csv.gz", Ranks(0, ranks, tmp_path / "parts"))
    message = "^x.csv.gz: decompressed, it takes more than 1,048,576 bytes, the limit of a file here;"
    with pytest.raises(BadInputError, match=message), text.open():
        pass


def npy(path: Path, header_text: str, size: int) -> Path:
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, eval(header_text))  # noqa: S307 (our own text)
        file.truncate(file.tell() + size)  # zeros, which take no space
    return path


@pytest.mark.parametrize(
    ("kind", "shape", "size", "message"),
    [
        ("<f8", (10**12, 1), 64, "not a whole .npy file"),
        ("<f8", (10**12, 10**12), 64, "not a whole .npy file"),
        ("|i1", (1, 1 << 30), 1 << 30, "expected at most 1,048,576 columns, found 1,073,741,824"),
        (
            "|i1",
            (1 << 30, 1),
            1 << 30,
            "1,073,741,824 samples take 8,589,934,592 bytes of memory, and this rank",
        ),
        ("<f8", (1,) * 32, 8, "expected numbers in rows = samples"),
        ("|V0", (1 << 40,), 0, "expected numbers in rows = samples|not a whole .npy file"),
        ("|O", (4,), 64, "not a whole .npy file"),
    ],
)
@pytest.mark.parametrize("fortran", [False, True])
@pytest.mark.usefixtures("granted")
def test_hostile_npy_headers(
    tmp_path: Path, kind: str, shape: tuple[int, ...], size: int, message: str, *, fortran: bool
) -> None:
    told = f"{{'descr': {kind!r}, 'fortran_order': {fortran}, 'shape': {shape}}}"
    with pytest.raises(BadInputError, match=message):
        TableInput(npy(tmp_path / "x.npy", told, size)).read(range)


def test_a_deeply_nested_npy_header(tmp_path: Path) -> None:
    text = b"(" * 9000 + b")" * 900 + b"\n"
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text)
    with pytest.raises(BadInputError, match=r"^x.npy: not a whole .npy file"):
        TableInput(tmp_path / "x.npy").read(range)


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_long_npy_table_is_read_in_parts(jobs: JobFolder, order: Literal["C", "F"]) -> None:
    np.save(jobs.root / "x.npy", np.zeros((30_000_000, 1), np.float32, order=order)[:, :1])
    assert jobs.run(jobs.root / "x.npy", {"min_max": {}}, csv_output=False) == [0], jobs.stderr
    used = json.loads((jobs.output / "usage.json").read_text())[0]["peak_rss_bytes"]
    assert used < MOST_BYTES + 2 * 8 * 30_000_000  # the samples and one result


@pytest.mark.usefixtures("granted")
def test_a_parquet_file_of_a_few_bytes_and_many_rows(jobs: JobFolder) -> None:
    pl.DataFrame({"a": pl.zeros(20_000_000, eager=True)}).write_parquet(jobs.root / "x.parquet")
    said = refused(jobs, jobs.root / "x.parquet")
    assert "1 signals of 20,000,000 samples take 160,000,000 bytes of memory, and this rank" in said


def test_label_files(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    with pytest.raises(BadInputError, match="not a file"):
        read_labels(tmp_path, 2)
    path.write_bytes(b"timeseries;labels\n")
    with path.open("r+b") as file:
        file.truncate(LONGEST_LABELS + 1)
    with pytest.raises(BadInputError, match=r"^labels.csv: expected at most 33,554,432 bytes, found"):
        read_labels(path, 2)
    path.write_text("timeseries;labels\n" + "a;" * (MOST_COLUMNS + 2))
    with pytest.raises(BadInputError, match=r"^labels.csv: row 2: expected at most 1,048,576 columns"):
        read_labels(path, 2)


def test_labels_with_a_byte_order_mark_and_quotes(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_bytes(b'\xef\xbb\xbftimeseries;labels\r\n"a;\nb";1\r\n\r\nc\xff;0;\r\n')
    assert read_labels(tmp_path / "l.csv", 2) == {"a;\nb": 1, "c\udcff": 0}


def test_queries_that_do_not_fit(jobs: JobFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPC_KERNELS_MEMORY_BYTES", "20000")
    (jobs.root / "queries").mkdir()
    for i in range(4):
        (jobs.root / "queries" / f"{i}.csv").write_text("q\n" + "1\n" * 1000)
    labels = jobs.input("timeseries;labels\na;0\n", "l.csv")
    places: dict[str, Any] = {"inference_dir": str(jobs.root / "queries"), "labels": str(labels)}
    assert jobs.run(jobs.input("a\n1\n2\n"), {"knn": {}}, **places) == [LACK_OF_MEMORY]
    assert "its signals take 24,000 bytes of memory or more, and this rank may use 20,000" in jobs.stderr


@pytest.mark.parametrize("last", ["", "\n", "\n\n ,\n,,\n"])
def test_prices_of_any_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: str) -> None:
    for module in (source, bounded_lines):
        monkeypatch.setattr(module, "BUFFER_BYTES", 16)
    rows = [f"2026-01-{day:02},{day},2026-02-{day:02},{2 * day}" for day in range(1, 20)]
    (tmp_path / "x.csv").write_text("\n".join(["A,,B,", "d,p,d,p", "x,x,x,x", *rows]) + last)
    pairs = read_asset_pairs(TableText(tmp_path / "x.csv"), range)
    assert pairs.prices.tolist() == [list(range(1, 20)), list(range(2, 40, 2))]
