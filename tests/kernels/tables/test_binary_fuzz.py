"""Mutated NumPy, Parquet and compressed files: finite numbers, or an error of one line."""

import gzip
import io
import random
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hpc_kernels.errors import BadInputError
from hpc_kernels.tables.input import TableInput
from tests.kernels.conftest import DATA
from tests.kernels.job_folder import JobFolder

VALUES = np.random.default_rng(0).standard_normal((20, 3))


def npy() -> bytes:
    file = io.BytesIO()
    np.save(file, VALUES)
    return file.getvalue()


def parquet() -> bytes:
    file = io.BytesIO()
    pl.DataFrame(VALUES, schema=["a", "b", "c"]).write_parquet(file)
    return file.getvalue()


def packed(layout: str) -> bytes:
    if layout == "sensor_table":
        return gzip.compress(
            "\n".join(["a;b;c", *(";".join(map(repr, row)) for row in VALUES.tolist())]).encode()
        )
    rows = [f"2026-01-{day + 1:02},{price!r}" for day, price in enumerate(VALUES[:, 0].tolist())]
    return gzip.compress("\n".join(["A,", "d,p", "x,x", *rows]).encode())


def mutated(rng: random.Random, whole: bytes) -> bytes:
    """Change a few bytes, often near the ends, where the headers of files are."""
    content = bytearray(whole)
    for _ in range(rng.randint(1, 3)):
        near = min(len(content), 200)
        place = rng.choice(
            (rng.randrange(len(content)), rng.randrange(near), len(content) - 1 - rng.randrange(near))
        )
        action = rng.randrange(3)
        if action == 0:
            content[place] = rng.randrange(256)
        elif action == 1:
            content[place] ^= 1 << rng.randrange(8)
        else:
            del content[place : place + rng.randint(1, 5)]
    return bytes(content)


def read_many(path: Path, whole: bytes, files: int, layout: str = "sensor_table") -> None:
    rng = random.Random(0)  # noqa: S311 (no secret)
    for _ in range(files):
        path.write_bytes(mutated(rng, whole))
        try:
            table = TableInput(path, layout).read(range)
        except BadInputError as error:
            assert re.fullmatch(rf"{path.name}: .+", str(error))  # noqa: PT017 (either is fine)
        else:
            assert np.isfinite(table.signals).all()


def test_mutated_npy(tmp_path: Path) -> None:
    read_many(tmp_path / "a.npy", npy(), 4_000)


@pytest.mark.parametrize("layout", ["sensor_table", "asset_pairs"])
def test_mutated_gzip(tmp_path: Path, layout: str) -> None:
    read_many(tmp_path / "a.csv.gz", packed(layout), 2_000, layout)


def test_mutated_parquet(tmp_path: Path) -> None:
    read_many(tmp_path / "a.parquet", parquet(), 50)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_thousands_of_mutated_parquet_files(tmp_path: Path) -> None:
    read_many(tmp_path / "a.parquet", parquet(), 2_000)


def test_a_file_that_aborts_the_decoder(jobs: JobFolder) -> None:
    assert jobs.run(DATA / "aborts_decoder.parquet", {"kalman": {}}, ranks=2) == [2, 2]
    expected = "aborts_decoder.parquet: not a Parquet file that can be decoded: "
    assert jobs.stderr.startswith(expected)
    assert jobs.stderr.count("\n") == 1
    assert not list(jobs.published.rglob("*.csv"))


def test_an_archive_of_arrays_is_not_an_array(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", VALUES)
    path = (tmp_path / "a.npz").rename(tmp_path / "a.npy")
    with pytest.raises(BadInputError, match=r"^a.npy: not a whole .npy file: "):
        TableInput(path).read(range)
