"""Writing a filter's result: the layout of the sensor table, as CSV or as a NumPy file."""

import io
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hpc_kernels.arrays import Array
from hpc_kernels.files import whole_file

Bytes = NDArray[np.uint8]
_CELLS_PER_BLOCK = 1 << 17


def write_table(
    path: Path, names: Sequence[str], parts: Sequence[Array], output_type: str, threads: int
) -> None:
    """Write the signals of `parts` (each (signals, samples), in order of the columns) to `path`, whole."""
    kind = np.dtype(output_type)
    with whole_file(path) as file, ThreadPoolExecutor(threads) as pool:
        file.write(_npy_header(parts, kind) if path.suffix == ".npy" else _csv_header(names))
        written = _npy_rows if path.suffix == ".npy" else _csv_rows
        for text in _in_order(
            pool, lambda rows: written(_rows(parts, rows, kind)), _blocks(parts), 2 * threads
        ):
            file.write(text.data)


def _blocks(parts: Sequence[Array]) -> Iterator[slice]:
    """Yield ranges of rows, each of about as many cells as stay in the cache."""
    samples, columns = parts[0].shape[1], sum(map(len, parts))
    step = max(1, _CELLS_PER_BLOCK // columns)
    return (slice(start, start + step) for start in range(0, samples, step))


def _in_order(
    pool: Executor, function: Callable[[slice], Bytes], blocks: Iterator[slice], ahead: int
) -> Iterator[Bytes]:
    """Yield the results in order while the threads work on at most `ahead` more blocks."""
    waiting = deque(pool.submit(function, block) for block in islice(blocks, ahead))
    while waiting:
        result = waiting.popleft().result()
        waiting.extend(pool.submit(function, block) for block in islice(blocks, 1))
        yield result


def _rows(parts: Sequence[Array], rows: slice, kind: np.dtype[np.floating]) -> Array:
    """Return some rows (samples, signals) in the precision of the output."""
    with np.errstate(over="ignore"):  # beyond single precision is infinite
        return np.concatenate([part[:, rows].T for part in parts], axis=1, dtype=kind, casting="same_kind")


def _npy_header(parts: Sequence[Array], kind: np.dtype[np.floating]) -> bytes:
    shape = (parts[0].shape[1], sum(map(len, parts)))
    header = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": shape}
    text = io.BytesIO()
    np.lib.format.write_array_header_1_0(text, header)
    return text.getvalue()


def _npy_rows(rows: Array) -> Bytes:
    return np.ascontiguousarray(rows).view(np.uint8).ravel()


def _csv_header(names: Sequence[str]) -> bytes:
    line = "".join(f"{quoted(name)};" for name in names) + "\n"
    return line.encode("utf-8", "surrogateescape")


def _csv_rows(rows: Array) -> Bytes:
    from hpc_kernels.csv_format import LONGEST_CELL, format_rows  # noqa: PLC0415 (lazy: .npy needs no compiler)

    text = np.empty(rows.size * LONGEST_CELL + len(rows), np.uint8)
    return text[: format_rows(rows, text)]


def quoted(name: str) -> str:
    """Return `name` as a cell: in quotes where it holds a separator, a quote or a line break."""
    if any(c in name for c in ';"\r\n'):
        return '"' + name.replace('"', '""') + '"'
    return name
