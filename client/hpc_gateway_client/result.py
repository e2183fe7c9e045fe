"""A result as a frame or an array, read from its file on this machine."""

import csv
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpc_gateway_client.errors import GatewayClientError
from hpc_gateway_client.extras import load_extra, missing_extra

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import polars as pl

FORMATS = (".csv", ".npy", ".parquet", ".arrow")


class Result:
    """The file of a result: `.csv`, `.npy`, `.parquet` or `.arrow`.

    A CSV file is read as the kernels write it: cells end with `;`, and every row may end with one.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._format = self.path.suffix.lower()
        if self._format not in FORMATS:
            raise GatewayClientError(
                f"{self.path}: expected a result that ends with {', '.join(FORMATS)}; read the file itself"
            )

    @classmethod
    def in_temporary_folder(cls, name: str) -> "Result":
        """Return a result whose file is still to be written, and goes away with it."""
        folder = tempfile.mkdtemp(prefix="hpc-gateway-")
        result = cls(Path(folder) / name)
        weakref.finalize(result, shutil.rmtree, folder, ignore_errors=True)
        return result

    def to_polars(self) -> "pl.DataFrame":
        """Return a Polars frame; signals of an array are called `signal_0`, ... as the kernels call them."""
        frame: pl.DataFrame = self._read_polars(load_extra("polars", "a Polars frame"))
        return frame

    def to_pandas(self) -> "pd.DataFrame":
        """Return a pandas frame; signals of an array are called `signal_0`, ... as the kernels call them."""
        pandas = load_extra("pandas", "a pandas frame")
        try:
            return self._read_pandas(pandas)
        except ImportError as error:
            raise missing_extra("pandas", f"a pandas frame of a {self._format} file") from error

    def numpy(self) -> "np.ndarray[Any, Any]":
        """Return the numbers as an array, a row for each sample; columns of text are left out."""
        array: np.ndarray[Any, Any] = self._read_numpy(load_extra("numpy", "a NumPy array"))
        return array

    def _read_polars(self, polars: Any) -> Any:
        if self._format == ".npy":
            return polars.DataFrame(self._signals())
        if self._format == ".csv":
            how = {"infer_schema_length": None, "encoding": "utf8-lossy"}
            return polars.read_csv(self.path, separator=";", columns=self._columns(), **how)
        return (polars.read_ipc if self._format == ".arrow" else polars.read_parquet)(self.path)

    def _read_pandas(self, pandas: Any) -> Any:
        if self._format == ".npy":
            return pandas.DataFrame(self._signals())
        if self._format == ".csv":
            how = {"index_col": False, "low_memory": False, "encoding_errors": "replace"}
            return pandas.read_csv(self.path, sep=";", usecols=self._columns(), **how)
        return (pandas.read_feather if self._format == ".arrow" else pandas.read_parquet)(self.path)

    def _read_numpy(self, numpy: Any) -> Any:
        if self._format == ".npy":
            return numpy.load(self.path, allow_pickle=False)
        if self._format == ".csv":
            _, first, lines = self._beginning()
            numbers = [column for column, cell in enumerate(first) if _is_number(cell)]
            how = {"quotechar": '"', "encoding": "latin-1"}  # which reads every byte, and numbers as they are
            return numpy.loadtxt(self.path, delimiter=";", skiprows=lines, usecols=numbers, ndmin=2, **how)
        frame = self.to_polars()
        return frame.select(name for name in frame.columns if frame[name].dtype.is_numeric()).to_numpy()

    def _signals(self) -> dict[str, Any]:
        """Return the columns of an array by the names that the kernels give them."""
        values = self.numpy()
        table = values.reshape(len(values), -1)
        return {f"signal_{i}": table[:, i] for i in range(table.shape[1])}

    def _columns(self) -> list[int]:
        """Return the numbers of the columns of a CSV file."""
        return [*range(len(self._beginning()[0]))]

    def _beginning(self) -> tuple[list[str], list[str], int]:
        """Return the header and the first row of a CSV file, and the lines that the header takes."""
        with self.path.open(newline="", encoding="utf-8", errors="replace") as file:
            rows = csv.reader(file, delimiter=";")
            header, lines = next(rows, []), rows.line_num
            return _without_end(header), _without_end(next(rows, [])), lines


def _without_end(row: list[str]) -> list[str]:
    """Return the cells of a row without the blank one after its last separator."""
    return row[:-1] if len(row) > 1 and not row[-1] else row


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
