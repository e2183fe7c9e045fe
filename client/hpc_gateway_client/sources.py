"""Input that is an array or a frame of this process, written as a file that the kernels read."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from hpc_gateway_client.errors import GatewayClientError
from hpc_gateway_client.extras import load_extra

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import polars as pl

    Data = Path | str | np.ndarray[Any, Any] | pl.DataFrame | pl.Series | pd.DataFrame | pd.Series
else:
    Data = Any

STEM = "data"
_MOST_AXES = 2


@contextmanager
def input_file(data: Any) -> Iterator[tuple[Path, Any]]:
    """Give the file of an input, and the function that writes it (none for a path, whose file is there).

    An array becomes `data.npy`, a frame `data.csv`; the file goes away at the end of the block.
    """
    if isinstance(data, Path | str):
        yield Path(data), None
        return
    with TemporaryDirectory(prefix="hpc-gateway-") as folder:
        ending, write = _writer(data)
        file = Path(folder) / f"{STEM}{ending}"
        yield file, partial(write, file)


def _writer(data: Any) -> tuple[str, Any]:
    """Return the ending of the file of an array or a frame, and the function that writes it."""
    kind = type(data)
    package = kind.__module__.partition(".")[0]
    if package in {"polars", "pandas"} and kind.__name__ == "Series":
        data = data.to_frame()
    if package == "polars" and hasattr(data, "write_csv"):
        return ".csv", data.write_csv
    if package == "pandas" and hasattr(data, "to_csv"):
        return ".csv", partial(_write_pandas, data)
    if package == "numpy" and hasattr(data, "ndim"):
        return ".npy", partial(_write_array, data)
    lazy = "; call its collect()" if package == "polars" else ""
    raise GatewayClientError(
        "expected the path of a file, an array of NumPy, or a frame of Polars or pandas, found"
        f" {kind.__module__}.{kind.__name__}{lazy}"
    )


def _write_pandas(frame: Any, file: Path) -> None:
    """Write a frame; times in its index become the first column, and any other index is left out."""
    timed = "datetime" in str(frame.index.dtype)
    label = {"index_label": frame.index.name or "time"} if timed else {}
    frame.to_csv(file, index=timed, **label)


def _write_array(array: Any, file: Path) -> None:
    """Write an array whose rows are samples; the kernels read real numbers alone."""
    if array.ndim not in range(1, _MOST_AXES + 1) or array.dtype.kind not in "fiu" or not array.size:
        raise GatewayClientError(
            "expected an array of real numbers whose rows are samples and whose columns are signals, found"
            f" {array.dtype} of shape {array.shape}"
        )
    load_extra("numpy", "an array as input").save(file, array, allow_pickle=False)
