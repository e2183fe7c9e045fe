"""The decoder process of Parquet tables: its limits, its environment, and a decoder without an answer."""

import os
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from hpc_kernels.errors import BadInputError
from hpc_kernels.tables import parquet
from hpc_kernels.tables.parquet import ParquetTable


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "x.parquet"
    pl.DataFrame({"a": pl.zeros(20_000_000, eager=True), "é": 1.0}).write_parquet(path)
    return path


def process_file(table: ParquetTable, name: str) -> bytes:
    return Path(f"/proc/{table.process.pid}/{name}").read_bytes()


def test_its_limits(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPC_KERNELS_MEMORY_BYTES", str(100 << 20))
    with closing(ParquetTable(table)) as opened:
        assert (opened.names, opened.size.cells, opened.size.columns) == (["a", "é"], 40_000_000, 2)
        lines = process_file(opened, "limits").decode().splitlines()
        limits = {line[:26].strip(): line[26:].split()[0] for line in lines}
    assert limits["Max data size"] == str(parquet.LIBRARIES_BYTES + (100 << 20))
    assert (limits["Max core file size"], limits["Max file size"]) == ("0", str(1 << 16))


def test_its_environment_and_descriptors(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_JOB", "x")
    with (table.parent / "other").open("wb"), closing(ParquetTable(table)) as opened:
        variables = {each.partition(b"=")[0] for each in process_file(opened, "environ").split(b"\0")}
        folder = Path(f"/proc/{opened.process.pid}/fd")
        names = {link.name: str(link.readlink()) for link in folder.iterdir()}
    assert variables <= {b"PYTHONPATH", b"POLARS_MAX_THREADS", b"LD_LIBRARY_PATH", b""}
    assert names["0"].startswith("socket:")
    assert names["1"] == "/dev/null"
    assert not any(str(table.parent) in name for name in names.values() if name != str(table))


def test_a_file_that_never_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "_ANSWER_S", 0.5)
    os.mkfifo(tmp_path / "x.parquet")
    with pytest.raises(BadInputError, match=r"^x.parquet: its decoder gave no answer within 0.5 s$"):
        ParquetTable(tmp_path / "x.parquet")


def test_a_decoder_without_memory(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "LIBRARIES_BYTES", 100 << 20)
    monkeypatch.setenv("HPC_KERNELS_MEMORY_BYTES", str(165_000_000))
    message = (
        "^x.parquet: not a Parquet .* memory allocation of .* failed; the decoder may use 269,857,600 byte"
    )
    with (
        closing(ParquetTable(table)) as opened,
        pytest.raises(BadInputError, match=message),
    ):
        opened.read(range(1))


def test_a_table_that_is_opened_and_left(table: Path) -> None:
    opened = ParquetTable(table)
    opened.close()
    assert opened.process.returncode is not None
